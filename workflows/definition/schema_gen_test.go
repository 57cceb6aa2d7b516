package definition

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite generated and golden files")

// TestSchemaJSONIsCurrent makes schema.json of schema.yaml, keys in their order.
func TestSchemaJSONIsCurrent(t *testing.T) {
	text, err := os.ReadFile("schema.yaml")
	if err != nil {
		t.Fatal(err)
	}
	root, p := readYAML(string(text))
	if p != nil {
		t.Fatalf("schema.yaml:%d:%d: %s", p.at.Line, p.at.Column, p.message)
	}
	var packed, want bytes.Buffer
	writeOrdered(&packed, root)
	if err := json.Indent(&want, packed.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	want.WriteByte('\n')
	if *update {
		if err := os.WriteFile("schema.json", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), string(JSONSchema())); diff != "" {
		t.Errorf("schema.json is not what schema.yaml says (go generate): %s", diff)
	}
}

func writeOrdered(b *bytes.Buffer, n *node) {
	switch n.kind {
	case objectNode:
		b.WriteByte('{')
		for i, m := range n.members {
			if i > 0 {
				b.WriteByte(',')
			}
			writeScalar(b, m.key)
			b.WriteByte(':')
			writeOrdered(b, m.value)
		}
		b.WriteByte('}')
	case arrayNode:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			writeOrdered(b, item)
		}
		b.WriteByte(']')
	default:
		writeScalar(b, n.value())
	}
}

func writeScalar(b *bytes.Buffer, v any) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	b.Truncate(b.Len() - 1)
}

// TestSchema_EveryPropertyIsDescribed: what an editor shows beside a property.
func TestSchema_EveryPropertyIsDescribed(t *testing.T) {
	properties, exampled := 0, 0
	eachObject(schemaTree(), func(part cursor) {
		if strings.Contains(part.ref, "/if/") || strings.HasSuffix(part.ref, "/if") || strings.Contains(part.ref, "/allOf/") || strings.Contains(part.ref, "/oneOf/") {
			return // says which arm is meant, not what a property is
		}
		for _, m := range part.get("properties").members() {
			if m.value.kind != objectNode {
				continue
			}
			properties++
			property := part.get("properties").get(m.key)
			if inherited(property, "description") == "" {
				t.Errorf("%s has no description", property.ref)
			}
			if inherited(property, "examples") != "" || inherited(property, "default") != "" || inherited(property, "enum") != "" {
				exampled++
			}
		}
	})
	if properties < 300 || exampled < 90 {
		t.Errorf("%d properties, %d with an example, a default or an enumeration", properties, exampled)
	}
}

// inherited is a keyword of a schema or of what it refers to, as text.
func inherited(schema cursor, keyword string) string {
	for schema.exists() {
		if found := schema.get(keyword); found.exists() {
			text, _ := json.Marshal(found.raw)
			return string(text)
		}
		pointer := fragment(schema.get("$ref").str())
		if pointer == "" {
			break
		}
		schema = schemaNode(pointer)
	}
	return ""
}
