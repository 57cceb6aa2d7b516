package definition

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
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
