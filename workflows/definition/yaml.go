package definition

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The bounds of a document. They are far above what people write and far below
// what would trouble a worker.
const (
	maxSource = 1 << 20 // bytes
	maxDepth  = 200     // nested values
	maxNodes  = 100_000 // values, after aliases are expanded
	maxText   = 4 << 20 // bytes of text, after aliases are expanded
)

// readYAML reads one YAML document into a tree, by the core sense of YAML 1.2:
// keys are strings however they look, "no" is a string, dates stay as written.
func readYAML(text string) (*node, *problem) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var document yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		return nil, &problem{at: Position{1, 1}, rule: "syntax.empty", message: "the document is empty"}
	}
	if err != nil {
		return nil, yamlProblem(text, err)
	}
	if p := refuseSecondDocument(text, decoder); p != nil {
		return nil, p
	}
	r := &yamlReader{expanding: map[*yaml.Node]bool{}}
	root := r.read(document.Content[0], 0)
	return root, r.problem
}

func refuseSecondDocument(text string, decoder *yaml.Decoder) *problem {
	var next yaml.Node
	err := decoder.Decode(&next)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return yamlProblem(text, err)
	}
	at := Position{next.Line, next.Column}
	if len(next.Content) > 0 {
		at = Position{next.Content[0].Line, next.Content[0].Column}
	}
	return &problem{
		at: at, rule: "syntax.documents", message: "a second document begins here",
		hint: "one file holds one definition; put the other in a file of its own",
	}
}

// yamlReader turns the parser's nodes into a tree and stops at the first problem.
type yamlReader struct {
	nodes     int
	text      int
	expanding map[*yaml.Node]bool // anchors on the way from the root, to see cycles
	problem   *problem
}

func (r *yamlReader) fail(n *yaml.Node, rule, format string, args ...any) *node {
	at := Position{n.Line, n.Column}
	if r.problem == nil {
		r.problem = &problem{at: at, rule: rule, message: fmt.Sprintf(format, args...)}
	}
	return &node{at: at}
}

func (r *yamlReader) read(n *yaml.Node, depth int) *node {
	r.nodes++
	r.text += len(n.Value)
	switch {
	case r.problem != nil:
		return &node{at: Position{n.Line, n.Column}}
	case depth > maxDepth:
		return r.fail(n, "syntax.depth", "more than %d levels of nesting", maxDepth)
	case r.nodes > maxNodes:
		return r.fail(n, "syntax.size", "more than %d values once aliases are expanded", maxNodes)
	case r.text > maxText:
		return r.fail(n, "syntax.size", "more than %d bytes of text once aliases are expanded", maxText)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.alias(n, depth)
	case yaml.MappingNode:
		return r.mapping(n, depth)
	case yaml.SequenceNode:
		return r.sequence(n, depth)
	default:
		return r.scalar(n)
	}
}

// alias expands an alias; the copy keeps the anchor's places.
func (r *yamlReader) alias(n *yaml.Node, depth int) *node {
	if r.expanding[n.Alias] {
		return r.fail(n, "syntax.alias", "alias *%s contains itself", n.Value)
	}
	r.expanding[n.Alias] = true
	defer delete(r.expanding, n.Alias)
	return r.read(n.Alias, depth+1)
}

func (r *yamlReader) sequence(n *yaml.Node, depth int) *node {
	if n.Anchor != "" {
		r.expanding[n] = true
		defer delete(r.expanding, n)
	}
	array := &node{kind: arrayNode, at: Position{n.Line, n.Column}}
	for _, item := range n.Content {
		array.items = append(array.items, r.read(item, depth+1))
	}
	return array
}

func (r *yamlReader) mapping(n *yaml.Node, depth int) *node {
	if n.Anchor != "" {
		r.expanding[n] = true
		defer delete(r.expanding, n)
	}
	object := &node{kind: objectNode, at: Position{n.Line, n.Column}}
	var merges []*yaml.Node
	seen := make(map[string]Position, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if isMerge(key) {
			merges = append(merges, value)
			continue
		}
		name, ok := r.key(key)
		if !ok {
			return object
		}
		if first, twice := seen[name]; twice {
			return r.fail(key, "syntax.duplicate-key", "key %q stands twice in this object; first at line %d", name, first.Line)
		}
		at := Position{key.Line, key.Column}
		seen[name] = at
		object.members = append(object.members, member{name, at, r.read(value, depth+1)})
	}
	for _, m := range merges {
		r.merge(object, seen, m, depth)
	}
	return object.indexed()
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && key.ShortTag() == "!!merge"
}

// key is a mapping's key as a string: "on", "no", "1" and "~" as they stand.
func (r *yamlReader) key(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		r.fail(n, "syntax.key", "a key must be a string, found %s", yamlKindNames[n.Kind])
		return "", false
	}
	return n.Value, true
}

var yamlKindNames = map[yaml.Kind]string{yaml.MappingNode: "an object", yaml.SequenceNode: "an array"}

// merge adds what object does not name itself; of several sources the first wins.
func (r *yamlReader) merge(object *node, seen map[string]Position, from *yaml.Node, depth int) {
	source := r.read(from, depth+1)
	switch source.kind {
	case objectNode:
		mergeMembers(object, seen, source)
	case arrayNode:
		for _, item := range source.items {
			if item.kind != objectNode {
				r.fail(from, "syntax.merge", "a merge key takes objects, found %s", item.kind)
				return
			}
			mergeMembers(object, seen, item)
		}
	default:
		r.fail(from, "syntax.merge", "a merge key takes an object or a list of objects, found %s", source.kind)
	}
}

func mergeMembers(object *node, seen map[string]Position, source *node) {
	for _, m := range source.members {
		if _, named := seen[m.key]; named {
			continue
		}
		seen[m.key] = m.at
		object.members = append(object.members, m)
	}
}

var yamlStyles = map[yaml.Style]style{
	yaml.SingleQuotedStyle: singleQuoted,
	yaml.DoubleQuotedStyle: doubleQuoted,
	yaml.LiteralStyle:      literalBlock,
	yaml.FoldedStyle:       foldedBlock,
}

func (r *yamlReader) scalar(n *yaml.Node) *node {
	s := yamlStyles[n.Style&^yaml.TaggedStyle]
	at := Position{n.Line, n.Column}
	tag := ""
	if n.Style&yaml.TaggedStyle != 0 {
		tag = n.Tag
	}
	switch {
	case tag == "!!str" || tag == "" && s != plainStyle:
		return &node{kind: stringNode, text: n.Value, at: at, style: s}
	case tag == "" || coreTags[tag]:
		return r.resolve(n, at, s, tag)
	default:
		return r.fail(n, "syntax.tag", "tag %q has no JSON meaning", tag)
	}
}

// coreTags are the explicit tags that a scalar may carry besides !!str.
var coreTags = map[string]bool{"!!int": true, "!!float": true, "!!bool": true, "!!null": true}

// resolve gives a plain scalar its type.
func (r *yamlReader) resolve(n *yaml.Node, at Position, s style, tag string) *node {
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return &node{kind: nullNode, at: at}
	case "true", "True", "TRUE":
		return &node{kind: boolNode, text: "true", at: at}
	case "false", "False", "FALSE":
		return &node{kind: boolNode, text: "false", at: at}
	}
	if nonFinite.MatchString(n.Value) {
		return r.fail(n, "syntax.number", "%s has no JSON form", n.Value)
	}
	number, isNumber, err := coreNumber(n.Value)
	switch {
	case err != nil:
		return r.fail(n, "syntax.number", "%s", err)
	case isNumber:
		return &node{kind: numberNode, text: number, at: at}
	case tag != "":
		return r.fail(n, "syntax.tag", "%q is no %s", preview(n.Value), strings.TrimPrefix(tag, "!!"))
	default:
		return &node{kind: stringNode, text: n.Value, at: at, style: s}
	}
}

var (
	yamlLine = regexp.MustCompile(`^yaml: (?:unmarshal errors:\n\s*)?(?:line (\d+): )?`)

	// yamlReasons are the parser's messages that do not tell an author what to do.
	yamlReasons = map[string]string{
		"found character that cannot start any token":           "a character that cannot start a value",
		"did not find expected key":                             keyReason,
		"did not find expected '-' indicator":                   itemReason,
		"did not find expected alphabetic or numeric character": nameReason,
		"mapping values are not allowed in this context":        colonReason,
		"found unexpected end of stream":                        "a quoted text is not closed before the document ends",
		"did not find expected ',' or '}'":                      "a ',' or '}' is missing in the object that begins here, or before",
		"did not find expected ',' or ']'":                      "a ',' or ']' is missing in the array that begins here, or before",
	}

	yamlHints = map[string]string{
		colonReason:                             `put a value that holds ": " in quotes, such as '${ {a: 1} }'`,
		"a character that cannot start a value": "put a value that begins with ` or @ or % in quotes",
		itemReason:                              `begin each item with "- ", with a blank behind it, below the "-" of the first`,
		nameReason:                              "put a value that begins with * or & in quotes",
	}

	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// unplaced are the problems of which the parser tells no line: an alias of nothing,
// and a character that YAML does not have.
func unplaced(text, reason string) *problem {
	if match := unknownAnchor.FindStringSubmatch(reason); match != nil {
		alias := regexp.MustCompile(`(?m)(?:^|[\s,\[{])\*` + regexp.QuoteMeta(match[1]) + `(?:$|[\s,\]}])`).FindStringIndex(text)
		offset := 0
		if alias != nil {
			offset = alias[0] + strings.IndexByte(text[alias[0]:], '*')
		}
		return &problem{
			at: newSource(text).position(offset), rule: "syntax.alias", message: fmt.Sprintf("alias *%s: no anchor &%s stands before it", match[1], match[1]),
			hint: "put a value that begins with * in quotes",
		}
	}
	if reason == "control characters are not allowed" {
		offset := strings.IndexFunc(text, func(c rune) bool { return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f })
		at := newSource(text).position(max(offset, 0))
		return &problem{at: at, rule: "syntax.yaml", message: "invalid YAML: a control character", hint: `write it as an escape in double quotes, such as "\u0007"`}
	}
	return nil
}

// What an error of indentation says, of the line that does not fit.
const (
	keyReason  = "a key is missing, or the indentation does not fit"
	itemReason = "no item of the list"
	nameReason = "an anchor or alias without a name"
)

// colonReason is what most often means an expression that YAML reads as a key.
const colonReason = "a ':' where no key can be"

// yamlProblem places a parser's error. The parser tells a line at most, and
// counts it from 0 where it is the grammar that fails and not the characters.
func yamlProblem(text string, err error) *problem {
	message := err.Error()
	match := yamlLine.FindStringSubmatch(message)
	reason := strings.TrimPrefix(message, match[0])
	if p := unplaced(text, reason); p != nil {
		return p
	}
	line, _ := strconv.Atoi(match[1])
	if line > 0 && grammarReason.MatchString(reason) {
		line++
	}
	line = max(line, 1)
	begins := ""
	if indented[reason] {
		if at := lineOfError(text, message); at > line {
			line, begins = at, fmt.Sprintf(", in the block that begins at line %d", line)
		}
	}
	indent := indentOf(text, line)
	if tab := strings.IndexByte(indent, '\t'); tab >= 0 {
		return &problem{
			at: Position{line, tab + 1}, rule: "syntax.tab",
			message: "a tab in the indentation", hint: "YAML indents with spaces only",
		}
	}
	if better := yamlReasons[reason]; better != "" {
		reason = better
	}
	hint := yamlHints[reason]
	if line == 1 && strings.HasPrefix(text, "```") {
		hint = "leave out the lines with ```: they belong to Markdown"
	}
	return &problem{at: Position{line, len(indent) + 1}, rule: "syntax.yaml", message: "invalid YAML: " + reason + begins, hint: hint}
}

// indented are the errors of a line that does not fit its block. The parser tells the
// block's line.
var indented = map[string]bool{"did not find expected key": true, "did not find expected '-' indicator": true}

// maxRetold bounds the text that is read again to find the place of an error in it.
const maxRetold = 256 << 10

// lineOfError is the line up to which the text has to be read for the parser to fail with
// that message, or 0.
func lineOfError(text, message string) int {
	if len(text) > maxRetold {
		return 0
	}
	lines := strings.SplitAfter(text, "\n")
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		var document yaml.Node
		err := yaml.NewDecoder(strings.NewReader(strings.Join(lines[:i+1], ""))).Decode(&document)
		return err != nil && err.Error() == message
	})
}

// grammarReason is what the parser says once the characters are understood.
var grammarReason = regexp.MustCompile(`^did not find expected (?:key|'-' indicator|',' or '[]}]'|node content|<)`)

// indentOf is the blanks before a line's text.
func indentOf(text string, line int) string {
	lines := strings.SplitN(text, "\n", line+1)
	if line > len(lines) {
		return ""
	}
	own := lines[line-1]
	return own[:len(own)-len(strings.TrimLeft(own, " \t"))]
}
