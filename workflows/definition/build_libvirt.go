package definition

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// libvirtPrefix begins the names of operations on virtual machines.
const libvirtPrefix = "libvirt."

// libvirtJSON is generated from the operations of the broker; this package knows
// no other of ours.
//
//go:embed libvirt.json
var libvirtJSON []byte

// libvirtOperation is what is checked of an operation.
type libvirtOperation struct {
	Name       string             `json:"name"`
	Parameters []libvirtParameter `json:"parameters"`
	Rules      []struct {
		AnyOf    []string `json:"anyOf"`
		OneOf    []string `json:"oneOf"`
		Together []string `json:"together"`
	} `json:"rules"`
}

type libvirtParameter struct {
	Name     string             `json:"name"`
	Kind     string             `json:"kind"`
	Text     string             `json:"text"`
	Required bool               `json:"required"`
	Min      int                `json:"min"`
	Max      int                `json:"max"`
	Values   []string           `json:"values"`
	Fields   []libvirtParameter `json:"fields"`
	Items    *libvirtParameter  `json:"items"`
}

var libvirtOperations = readLibvirtOperations()

// libvirtNames are the operations' names, in order.
var libvirtNames = slices.Sorted(maps.Keys(libvirtOperations))

func readLibvirtOperations() map[string]libvirtOperation {
	var list []libvirtOperation
	if err := json.Unmarshal(libvirtJSON, &list); err != nil {
		panic("BUG: libvirt.json: " + err.Error())
	}
	operations := map[string]libvirtOperation{}
	for _, o := range list {
		operations[o.Name] = o
	}
	return operations
}

// libvirtBody builds an operation on virtual machines.
func (c *checker) libvirtBody(t cursor, v vars) Body {
	call, with := t.get("call"), t.get("with")
	name := strings.TrimPrefix(call.str(), libvirtPrefix)
	operation, ok := libvirtOperations[name]
	if !ok {
		c.reportHint(call, "libvirt.operation", didYouMean(name, libvirtNames),
			"%q is no operation of libvirt; lazaret libvirt operations lists them", preview(call.str()))
		return nil
	}
	fields := append(slices.Clip(operation.Parameters), libvirtParameter{Name: "uri", Kind: "text"})
	has := c.libvirtObject(call, with, fields)
	for _, rule := range operation.Rules {
		given := func(names []string) (n int) {
			for _, name := range names {
				if has[name] {
					n++
				}
			}
			return n
		}
		at := with
		if !at.exists() {
			at = call
		}
		switch {
		case len(rule.AnyOf) > 0 && given(rule.AnyOf) == 0:
			c.report(at, "libvirt.argument", "%s needs %s", call.str(), strings.Join(rule.AnyOf, " or "))
		case len(rule.OneOf) > 0 && given(rule.OneOf) != 1:
			c.report(at, "libvirt.argument", "%s needs one of %s, and only one", call.str(), strings.Join(rule.OneOf, ", "))
		case given(rule.Together) > 0 && given(rule.Together) < len(rule.Together):
			c.report(at, "libvirt.argument", "%s needs all of %s, or none", call.str(), strings.Join(rule.Together, ", "))
		}
	}
	return &Libvirt{Operation: name, With: c.template(with, v.definitionScope())}
}

// libvirtObject checks an object's members and says which there are. place stands
// for an object that is missing.
func (c *checker) libvirtObject(place, object cursor, fields []libvirtParameter) map[string]bool {
	has := map[string]bool{}
	known := map[string]libvirtParameter{}
	names := make([]string, len(fields))
	for i, p := range fields {
		known[p.Name], names[i] = p, p.Name
	}
	for i := range object.members() {
		m := &object.node.members[i]
		cur := object.member(m)
		p, ok := known[m.key]
		if !ok {
			c.reportHint(cur, "libvirt.argument", didYouMean(m.key, names), "%q is no argument here; there are %s", preview(m.key), strings.Join(names, ", "))
			continue
		}
		if has[m.key] = !cur.is(nullNode); has[m.key] {
			c.libvirtValue(cur, p)
		}
	}
	if object.exists() {
		place = object
	}
	for _, p := range fields {
		if p.Required && !has[p.Name] {
			c.report(place, "libvirt.argument", "%s is missing: %s", p.Name, p.Text)
		}
	}
	return has
}

// libvirtValue checks a value that is written out; what an expression yields is
// checked when the task runs.
func (c *checker) libvirtValue(cur cursor, p libvirtParameter) {
	if cur.is(stringNode) && (c.mode == expression.Loose || strings.Contains(cur.str(), "${")) {
		return
	}
	if wrong := p.wrong(cur); wrong != "" {
		c.report(cur, "libvirt.argument", "%s must be %s", p.Name, wrong)
		return
	}
	switch p.Kind {
	case "object":
		c.libvirtObject(cur, cur, p.Fields)
	case "list":
		for _, item := range cur.items() {
			if named := *p.Items; !item.is(stringNode) {
				named.Name = "an item of " + p.Name
				c.libvirtValue(item, named)
			}
		}
	}
}

// wrong says what a value must be, if it is not.
func (p libvirtParameter) wrong(cur cursor) string {
	switch p.Kind {
	case "integer":
		if n, ok := cur.integer(); !ok || n < p.Min || n > p.Max {
			return fmt.Sprintf("a whole number from %d to %d", p.Min, p.Max)
		}
	case "boolean":
		if !cur.is(boolNode) {
			return "true or false"
		}
	case "choice":
		if !slices.Contains(p.Values, cur.str()) {
			return "one of " + strings.Join(p.Values, ", ")
		}
	case "object":
		if !cur.is(objectNode) {
			return "an object"
		}
	case "list":
		if !cur.is(arrayNode) {
			return "a list"
		}
	default:
		if !cur.is(stringNode) || cur.str() == "" {
			return "a text"
		}
	}
	return ""
}
