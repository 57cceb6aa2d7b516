package definition

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

// nodeKind is the JSON type of a node.
type nodeKind int

const (
	nullNode nodeKind = iota
	boolNode
	numberNode
	stringNode
	arrayNode
	objectNode
)

// nodeKindNames are the kinds with their article, as findings say them.
var nodeKindNames = [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}

func (k nodeKind) String() string { return nodeKindNames[k] }

// style is how a scalar stands in the source, which decides where its bytes are.
type style int

const (
	plainStyle style = iota
	singleQuoted
	doubleQuoted
	literalBlock
	foldedBlock
)

// node is a JSON value that remembers where it stood. Nodes are never changed
// after reading; an alias shares the node of its anchor.
type node struct {
	kind    nodeKind
	text    string // of a string, number or boolean
	members []member
	index   map[string]int // of members by key, where there are many
	items   []*node
	at      Position
	style   style
}

// manyMembers is from how many members an object is searched by an index.
const manyMembers = 16

// indexed is the object once all its members are read.
func (n *node) indexed() *node {
	if len(n.members) < manyMembers {
		return n
	}
	n.index = make(map[string]int, len(n.members))
	for i, m := range n.members {
		n.index[m.key] = i
	}
	return n
}

// member is one property of an object, in source order.
type member struct {
	key   string
	at    Position // of the key
	value *node
}

// value is the node as plain JSON data: map[string]any, []any, string, bool,
// nil, and json.Number for numbers, whose digits are those of the source.
func (n *node) value() any {
	switch n.kind {
	case objectNode:
		object := make(map[string]any, len(n.members))
		for _, m := range n.members {
			object[m.key] = m.value.value()
		}
		return object
	case arrayNode:
		array := make([]any, len(n.items))
		for i, item := range n.items {
			array[i] = item.value()
		}
		return array
	case stringNode:
		return n.text
	case numberNode:
		return json.Number(n.text)
	case boolNode:
		return n.text == "true"
	default:
		return nil
	}
}

// find returns the member named key, or nil.
func (n *node) find(key string) *member {
	if n == nil {
		return nil
	}
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return &n.members[i]
		}
		return nil
	}
	for i := range n.members {
		if n.members[i].key == key {
			return &n.members[i]
		}
	}
	return nil
}

// cursor is a node with its reference and the place that names it: the key of
// a property, the value itself elsewhere. The zero cursor stands for what is
// absent; every method answers for it as for an empty value.
type cursor struct {
	node *node
	raw  any // the node's value; shared, never changed
	at   Position
	ref  string // JSON pointer
}

// exists reports whether the document has a value here.
func (c cursor) exists() bool { return c.node != nil }

// is reports whether the value is of kind k.
func (c cursor) is(k nodeKind) bool { return c.node != nil && c.node.kind == k }

// get is the property named key.
func (c cursor) get(key string) cursor {
	m := c.node.find(key)
	if m == nil {
		return cursor{}
	}
	return c.member(m)
}

func (c cursor) member(m *member) cursor {
	object, _ := c.raw.(map[string]any)
	return cursor{node: m.value, raw: object[m.key], at: m.at, ref: c.ref + "/" + escapePointer(m.key)}
}

// members are the properties of an object, in source order.
func (c cursor) members() []member {
	if c.node == nil {
		return nil
	}
	return c.node.members
}

// items are the elements of an array.
func (c cursor) items() []cursor {
	if c.node == nil {
		return nil
	}
	items := make([]cursor, len(c.node.items))
	for i := range c.node.items {
		items[i] = c.item(i)
	}
	return items
}

func (c cursor) item(i int) cursor {
	array, _ := c.raw.([]any)
	item := c.node.items[i]
	return cursor{node: item, raw: array[i], at: item.at, ref: c.ref + "/" + strconv.Itoa(i)}
}

// str is the text of a string, and "" for anything else.
func (c cursor) str() string {
	if !c.is(stringNode) {
		return ""
	}
	return c.node.text
}

// flag is a boolean, and fallback for anything else.
func (c cursor) flag(fallback bool) bool {
	if !c.is(boolNode) {
		return fallback
	}
	return c.node.text == "true"
}

// number is an integer that fits, and 0 for anything else.
func (c cursor) number() int {
	n, _ := c.integer()
	return n
}

// integer is a number without a fraction, however written, if it fits.
func (c cursor) integer() (int, bool) {
	if !c.is(numberNode) {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(c.node.text)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return int(r.Num().Int64()), true
}

// object is a JSON object as data, and nil for anything else.
func (c cursor) object() map[string]any {
	object, _ := c.raw.(map[string]any)
	return object
}

// valueAt is the place of the value, where the node begins.
func (c cursor) valueAt() Position {
	if c.node == nil {
		return c.at
	}
	return c.node.at
}

// walk is the cursor at tokens below c; where they lead nowhere, it stops.
func (c cursor) walk(tokens []string) cursor {
	for _, token := range tokens {
		next := c.step(token)
		if !next.exists() {
			return c
		}
		c = next
	}
	return c
}

func (c cursor) step(token string) cursor {
	if c.is(objectNode) {
		return c.get(token)
	}
	i, err := strconv.Atoi(token)
	if !c.is(arrayNode) || err != nil || i < 0 || i >= len(c.node.items) {
		return cursor{}
	}
	return c.item(i)
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// escapePointer makes key a JSON pointer token.
func escapePointer(key string) string { return pointerEscaper.Replace(key) }

var pointerUnescaper = strings.NewReplacer("~1", "/", "~0", "~")

// splitPointer is a JSON pointer's tokens, unescaped.
func splitPointer(pointer string) []string {
	if pointer == "" {
		return nil
	}
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := range tokens {
		tokens[i] = pointerUnescaper.Replace(tokens[i])
	}
	return tokens
}
