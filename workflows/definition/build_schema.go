package definition

import (
	"errors"
	"fmt"
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
	compiled, err := newSchema(document.raw)
	if err != nil {
		c.invalidSchema(document, err)
		return nil
	}
	return compiled
}

// isJSONFormat reports whether a schema is JSON Schema of whatever version;
// the version that counts is the one its $schema names.
func isJSONFormat(format string) bool {
	name, _, _ := strings.Cut(format, ":")
	return strings.EqualFold(name, "json")
}

// invalidSchema reports a schema that does not compile, at its bad part where
// the compiler tells it.
func (c *checker) invalidSchema(document cursor, err error) {
	var schema *jsonschema.SchemaValidationError
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &schema) || !errors.As(schema.Err, &invalid) {
		c.report(c.schemaPlace(document, err), "schema.inline", "invalid JSON Schema: %s", schemaReason(err))
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

// schemaPlace is the part of the schema that a compiler's error names by URL.
func (c *checker) schemaPlace(document cursor, err error) cursor {
	var pattern *jsonschema.InvalidRegexError
	if errors.As(err, &pattern) {
		return document.walk(splitPointer(fragment(pattern.URL)))
	}
	var pointer *jsonschema.JSONPointerNotFoundError
	if errors.As(err, &pointer) {
		return c.findRef(document, fragment(pointer.URL))
	}
	var load *jsonschema.LoadURLError
	if errors.As(err, &load) {
		return c.findRef(document, load.URL)
	}
	return document
}

// findRef is the $ref that ends in target, or the whole schema.
func (c *checker) findRef(cur cursor, target string) cursor {
	if found := searchRef(cur, target); found.exists() {
		return found
	}
	return cur
}

func searchRef(cur cursor, target string) cursor {
	if ref := cur.get("$ref"); ref.is(stringNode) && target != "" && strings.HasPrefix(strings.TrimPrefix(ref.str(), "#"), target) {
		return ref
	}
	for i := range cur.members() {
		if found := searchRef(cur.member(&cur.node.members[i]), target); found.exists() {
			return found
		}
	}
	if cur.is(arrayNode) {
		for _, item := range cur.items() {
			if found := searchRef(item, target); found.exists() {
				return found
			}
		}
	}
	return cursor{}
}

func schemaReason(err error) string {
	var load *jsonschema.LoadURLError
	if errors.As(err, &load) {
		return fmt.Sprintf("$ref to %q: a schema can refer to its own parts only", preview(load.URL))
	}
	var pattern *jsonschema.InvalidRegexError
	if errors.As(err, &pattern) {
		return pattern.Err.Error()
	}
	return cut(strings.ReplaceAll(err.Error(), "definition:schema", ""), maxReason)
}
