package diagram

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Lengths of the picture, in pixels.
const (
	gap      = 30 // between tasks
	pad      = 12 // inside a frame
	row      = 16 // of text
	lane     = 16 // between arrows that go around tasks
	perRune  = 7  // of text, about
	minWidth = 110
)

// WriteSVG writes the diagram as an SVG image. It refers to nothing outside
// itself and holds no script.
func (d *Diagram) WriteSVG(w io.Writer) error {
	root := measure(&d.Root)
	width, height := root.width+2*pad, root.height+2*gap+4*pad+2*row
	s := svg{}
	s.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`, width, height, width, height)
	s.add(`<title>%s</title>`, xmlText(d.Title))
	s.add(`<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>`)
	s.add(`<rect width="100%%" height="100%%" fill="#fff"/>`)
	top := pad + row
	s.text(pad, top-4, "start", short(d.Title))
	root.place(pad, top+gap)
	s.list(root)
	if len(root.nodes) > 0 {
		first, last := root.nodes[0], len(root.nodes)-1
		s.arrow("", first.middle(), top, first.middle(), first.y)
		if d.Root.runsOut(last) {
			n := root.nodes[last]
			s.arrow("", n.middle(), n.y+n.height, n.middle(), n.y+n.height+gap)
			s.terminal(n.middle(), n.y+n.height+gap, "end")
		}
	}
	s.add(`</svg>`)
	if _, err := io.WriteString(w, s.out.String()); err != nil {
		return fmt.Errorf("write diagram: %w", err)
	}
	return nil
}

// box is a node with its place.
type box struct {
	*Node
	lists               []*column
	ways                int // arrows that leave it sideways
	x, y, width, height int
}

func (b *box) middle() int { return b.x + b.width/2 }

// column is a list with its place; a parallel one is a row.
type column struct {
	*List
	nodes               []*box
	lanes               []int // of the arrows that go around, by arrow; -1 is straight down
	places              []int // of those arrows at their node, from 1
	room                int   // right of the nodes, for the lanes
	x, y, width, height int
}

// measure gives a list and all in it their sizes.
func measure(l *List) *column {
	c := &column{List: l}
	for _, n := range l.Nodes {
		c.nodes = append(c.nodes, measureNode(n))
	}
	c.measureLanes()
	for _, b := range c.nodes {
		b.height = max(b.height, row*(b.ways+1))
		if l.Parallel {
			c.width += b.width + pad
			c.height = max(c.height, b.height)
			continue
		}
		c.width = max(c.width, b.width)
		c.height += b.height + gap
	}
	if !l.Parallel {
		c.height -= min(gap, c.height)
	}
	c.width += c.room
	if l.Label != "" {
		c.height += row
	}
	c.width, c.height = max(c.width, minWidth), max(c.height, row)
	return c
}

// measureLanes gives every arrow that does not lead straight down its own lane.
func (c *column) measureLanes() {
	lanes, label := 0, 0
	for _, a := range c.Arrows {
		if a.To == a.From+1 && !c.Parallel && !slices.Contains(c.straight(), a.From) {
			c.lanes, c.places = append(c.lanes, -1), append(c.places, 0)
			continue
		}
		c.nodes[a.From].ways++
		c.places = append(c.places, c.nodes[a.From].ways)
		c.lanes = append(c.lanes, lanes)
		lanes++
		label = max(label, textWidth(a.Label))
	}
	if lanes > 0 {
		c.room = (lanes+1)*lane + label + textWidth("exit")
	}
}

// straight are the nodes whose arrow straight down is drawn already.
func (c *column) straight() []int {
	var from []int
	for i, l := range c.lanes {
		if l < 0 {
			from = append(from, c.Arrows[i].From)
		}
	}
	return from
}

func measureNode(n *Node) *box {
	b := &box{Node: n, height: 2*row + pad}
	b.width = max(minWidth, textWidth(short(n.Name)), textWidth(n.Kind+" "+n.Note)) + 2*pad
	if n.Note != "" && len(n.Lists) == 0 {
		b.height += row
		b.width = max(minWidth, textWidth(short(n.Name)), textWidth(n.Note)) + 2*pad
	}
	inner := pad
	for i := range n.Lists {
		c := measure(&n.Lists[i])
		b.lists = append(b.lists, c)
		inner += c.width + pad
		b.height = max(b.height, 2*row+2*pad+c.height+pad)
	}
	b.width = max(b.width, inner)
	return b
}

func textWidth(text string) int { return perRune * utf8.RuneCountInString(text) }

// place gives a list and all in it their places, its left upper corner at x, y.
func (c *column) place(x, y int) {
	c.x, c.y = x, y
	if c.Label != "" {
		y += row
	}
	for _, b := range c.nodes {
		if c.Parallel {
			b.place(x, y)
			x += b.width + pad
			continue
		}
		b.place(c.x+(c.width-c.room-b.width)/2, y)
		y += b.height + gap
	}
}

func (b *box) place(x, y int) {
	b.x, b.y = x, y
	at := x + pad
	for _, c := range b.lists {
		c.place(at, y+2*row+2*pad)
		at += c.width + pad
	}
}

// svg gathers the picture's elements.
type svg struct{ out strings.Builder }

func (s *svg) add(format string, args ...any) {
	fmt.Fprintf(&s.out, format, args...)
	s.out.WriteByte('\n')
}

func (s *svg) text(x, y int, kind, text string) {
	style := map[string]string{
		"kind": ` fill="#666" font-size="11"`, "name": ` font-weight="bold"`, "note": ` fill="#666" font-size="11"`,
		"start": ` fill="#333" font-weight="bold"`, "arrow": ` fill="#333" font-size="11"`,
	}[kind]
	s.add(`<text x="%d" y="%d"%s>%s</text>`, x, y, style, xmlText(text))
}

func (s *svg) list(c *column) {
	if c.Label != "" {
		s.text(c.x, c.y+row-6, "kind", c.Label)
	}
	for _, b := range c.nodes {
		s.node(b)
	}
	for i, a := range c.Arrows {
		s.way(c, a, c.lanes[i], c.places[i])
	}
}

func (s *svg) node(b *box) {
	fill := "#eef4fb"
	if len(b.Lists) > 0 {
		fill = "none"
	}
	s.add(`<rect x="%d" y="%d" width="%d" height="%d" rx="5" fill="%s" stroke="#4a78a8"/>`, b.x, b.y, b.width, b.height, fill)
	kind := b.Kind
	if len(b.Lists) > 0 && b.Note != "" {
		kind += " " + b.Note
	}
	s.text(b.x+pad, b.y+row, "kind", kind)
	s.text(b.x+pad, b.y+2*row, "name", short(b.Name))
	if len(b.Lists) == 0 && b.Note != "" {
		s.text(b.x+pad, b.y+3*row, "note", b.Note)
	}
	for _, c := range b.lists {
		s.list(c)
	}
}

// way draws an arrow: straight down to the next task, or to the right and
// around, or to an end beside the task.
func (s *svg) way(c *column, a Arrow, number, place int) {
	from := c.nodes[a.From]
	label := short(a.Label)
	if number < 0 {
		to := c.nodes[a.To]
		s.arrow(label, from.middle(), from.y+from.height, to.middle(), to.y)
		return
	}
	right, out := from.x+from.width, from.y+place*from.height/(from.ways+1)
	if a.To < 0 {
		end := right + lane + textWidth(label)
		s.arrow(label, right, out, end, out)
		s.terminal(end, out, map[int]string{Exit: "exit", End: "end"}[a.To])
		return
	}
	to := c.nodes[a.To]
	x := c.x + c.width - c.room + (number+1)*lane
	into := to.y + to.height - 5
	s.add(`<path d="M%d %dH%dV%dH%d" fill="none" stroke="#555" marker-end="url(#to)"/>`, right, out, x, into, to.x+to.width)
	if label != "" {
		s.text(right+4, out-3, "arrow", label)
	}
}

func (s *svg) arrow(label string, x1, y1, x2, y2 int) {
	s.add(`<path d="M%d %dL%d %d" fill="none" stroke="#555" marker-end="url(#to)"/>`, x1, y1, x2, y2)
	if label == "" {
		return
	}
	if x1 == x2 {
		s.text(x1+5, (y1+y2)/2+4, "arrow", label)
	} else {
		s.text(x1+4, y1-3, "arrow", label)
	}
}

// terminal is where the flow ends.
func (s *svg) terminal(x, y int, name string) {
	s.add(`<circle cx="%d" cy="%d" r="4" fill="#333"/>`, x, y)
	s.text(x+7, y+4, "arrow", name)
}

// xmlText is text for an element's content.
func xmlText(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}
