package definition

import (
	"errors"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaOf compiles the schema of an input, output or export.
func (c *checker) schemaOf(cur cursor) *Schema {
	if !cur.exists() {
		return nil
	}
	if format := cur.get("format"); format.is(stringNode) && !isJSONFormat(format.str()) {
		c.report(format, "unsupported.schema.format", "schema format %q is not supported by this version", preview(format.str()))
		return nil
	}
	if resource := cur.get("resource"); resource.exists() {
		c.refuse(resource, "schema.resource", "a schema's resource")
	}
	document := cur.get("document")
	if !document.exists() {
		return nil
	}
	if parts := countObjects(document); parts > maxSchemaParts {
		c.report(document, "schema.inline", "a JSON Schema of %d parts; at most %d are compiled", parts, maxSchemaParts)
		return nil
	}
	compiled, err := newSchema(document.raw)
	if err != nil {
		c.invalidSchema(document, err)
		return nil
	}
	return compiled
}

// maxSchemaParts bounds a schema's objects: compiling it takes the square of them.
const maxSchemaParts = 5_000

func countObjects(cur cursor) int {
	n := 0
	eachObject(cur, func(cursor) { n++ })
	return n
}

// isJSONFormat reports whether a schema is JSON Schema of whatever version;
// the version that counts is the one its $schema names.
func isJSONFormat(format string) bool {
	name, _, _ := strings.Cut(format, ":")
	return strings.EqualFold(name, "json")
}

// invalidSchema reports a schema that does not compile: every reference that
// leads nowhere, or else the one bad part that the compiler tells.
func (c *checker) invalidSchema(document cursor, err error) {
	if c.lostReferences(document) {
		return
	}
	var schema *jsonschema.SchemaValidationError
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &schema) || !errors.As(schema.Err, &invalid) {
		c.report(document, "schema.inline", "invalid JSON Schema: %s", cut(strings.ReplaceAll(err.Error(), schemaURL, ""), maxReason))
		return
	}
	leaf := invalid
	for len(leaf.Causes) > 0 {
		leaf = deepest(leaf.Causes)
	}
	at := document.walk(leaf.InstanceLocation)
	c.report(at, "schema.inline", "invalid JSON Schema: %s", cut(leaf.ErrorKind.LocalizedString(printer), maxReason))
}

// maxReason bounds a schema compiler's own words.
const maxReason = 200

// deepest is the cause that is the farthest from the root, the first of equals.
func deepest(causes []*jsonschema.ValidationError) *jsonschema.ValidationError {
	best := causes[0]
	for _, cause := range causes[1:] {
		d := len(cause.InstanceLocation) - len(best.InstanceLocation)
		if d > 0 || d == 0 && jsonPointer(cause.InstanceLocation) < jsonPointer(best.InstanceLocation) {
			best = cause
		}
	}
	return best
}

// lostReferences reports the references in a schema that it does not hold.
func (c *checker) lostReferences(document cursor) bool {
	found, named := false, hasID(document)
	eachObject(document, func(part cursor) {
		if ref := part.get("$ref"); ref.is(stringNode) && c.lostReference(document, ref, named) {
			found = true
		}
	})
	return found
}

// lostReference reports a reference to the outside, or to a part that is not
// there. Where parts have names, given by $id, it is left to the compiler.
func (c *checker) lostReference(document, ref cursor, named bool) bool {
	pointer, inside := strings.CutPrefix(ref.str(), "#")
	switch {
	case named:
		return false
	case !inside:
		c.report(ref, "schema.inline", "invalid JSON Schema: $ref to %q: a schema can refer to its own parts only", preview(ref.str()))
		return true
	case strings.HasPrefix(pointer, "/") && document.walk(splitPointer(pointer)).ref != document.ref+pointer:
		c.report(ref, "schema.inline", "invalid JSON Schema: $ref to %q: there is no such part", preview(ref.str()))
		return true
	default:
		return false
	}
}

// hasID reports whether some part of a schema has a name that a reference may mean.
func hasID(document cursor) bool {
	found := false
	eachObject(document, func(part cursor) { found = found || part.get("$id").exists() })
	return found
}

// eachObject calls visit for every object of a tree, in source order.
func eachObject(cur cursor, visit func(cursor)) {
	if cur.is(objectNode) {
		visit(cur)
	}
	for i := range cur.members() {
		eachObject(cur.member(&cur.node.members[i]), visit)
	}
	if cur.is(arrayNode) {
		for _, item := range cur.items() {
			eachObject(item, visit)
		}
	}
}
