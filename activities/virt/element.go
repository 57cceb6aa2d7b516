package virt

import (
	"encoding/xml"
	"strings"
)

// element is an XML element without namespaces: what we write, and what is left
// of what others write once it has been reviewed.
type element struct {
	name       string
	attributes []attribute
	text       string
	children   []element
}

type attribute struct{ name, value string }

// el makes an element; pairs are attributes and their values, those with an empty value left out.
func el(name string, pairs ...string) element {
	e := element{name: name}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			e.attributes = append(e.attributes, attribute{pairs[i], pairs[i+1]})
		}
	}
	return e
}

// says gives an element its text.
func (e element) says(text string) element { e.text = text; return e }

// holds gives an element its children.
func (e element) holds(children ...element) element {
	e.children = append(e.children, children...)
	return e
}

// String is the element as XML, everything escaped.
func (e element) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

func (e element) write(b *strings.Builder) {
	b.WriteString("<" + e.name)
	for _, a := range e.attributes {
		b.WriteString(" " + a.name + `="`)
		escape(b, a.value)
		b.WriteString(`"`)
	}
	if e.text == "" && len(e.children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">")
	escape(b, e.text)
	for _, child := range e.children {
		child.write(b)
	}
	b.WriteString("</" + e.name + ">")
}

func escape(b *strings.Builder, text string) {
	_ = xml.EscapeText(b, []byte(text)) // a Builder never fails
}
