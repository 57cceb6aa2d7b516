package definition

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestValidate_VerdictOfSurface takes every part of a document that has every
// property of the language, makes one change at each place in turn, and compares
// our schema's verdict with the specification's.
func TestValidate_VerdictOfSurface(t *testing.T) {
	if testing.Short() {
		t.Skip("several seconds")
	}
	spec := specSchema(t, specDir(t))
	keys := surfaceKeys(t)
	changes, invalid := 0, 0
	for _, part := range surfaceParts(t) {
		if err := spec.Validate(part.document(part.value)); err != nil {
			t.Fatalf("the surface itself is invalid: %v", err)
		}
		eachChange(part.value, keys, func(changed any) {
			changes++
			if compareVerdicts(t, spec, part.document(changed)) {
				invalid++
			}
		})
	}
	t.Logf("%d changes, %d of them invalid", changes, invalid)
}

func compareVerdicts(t *testing.T, spec *jsonschema.Schema, document any) (invalid bool) {
	t.Helper()
	want, got := spec.Validate(document), documentSchema().Validate(document)
	if (want == nil) != (got == nil) && !hasMapArguments(document) {
		text, _ := json.Marshal(document)
		t.Errorf("the specification says %v, we say %v:\n%s", want, got, text)
	}
	return want != nil
}

func surface(t *testing.T) map[string]any {
	t.Helper()
	_, root, p := read([]byte(readFile(t, "testdata/surface.yaml")))
	if p != nil {
		t.Fatal(p)
	}
	document, _ := root.value().(map[string]any)
	return document
}

// part is one value of the surface in an otherwise small document.
type part struct {
	head  any // the document's document
	key   string
	value any
}

func (p part) document(value any) any {
	document := map[string]any{"document": p.head, "do": []any{}}
	document[p.key] = value
	return document
}

// surfaceParts are the surface's top-level parts, its tasks and its reusable
// parts, each alone.
func surfaceParts(t *testing.T) []part {
	t.Helper()
	whole := surface(t)
	var parts []part
	add := func(key string, value any) { parts = append(parts, part{whole["document"], key, value}) }
	for _, key := range slices.Sorted(maps.Keys(whole)) {
		if key != "do" && key != "use" {
			add(key, whole[key])
		}
	}
	tasks, _ := whole["do"].([]any)
	for _, task := range tasks {
		add("do", []any{task})
	}
	use, _ := whole["use"].(map[string]any)
	for _, section := range slices.Sorted(maps.Keys(use)) {
		add("use", map[string]any{section: use[section]})
	}
	return parts
}

// surfaceKeys are the keys that are added to every object: all keys of the
// surface where LAZARET_SPEC_EXHAUSTIVE is set, which takes a minute.
func surfaceKeys(t *testing.T) []string {
	t.Helper()
	if os.Getenv("LAZARET_SPEC_EXHAUSTIVE") == "" {
		return []string{"do", "for", "use", "until", "with", "nonsense"}
	}
	m := &mutator{values: map[string][]any{}}
	m.learn(surface(t))
	return slices.Sorted(maps.Keys(m.values))
}

// replacements are tried in every place.
var replacements = []any{
	nil, true, "", "text", "a b", "${ .x }", " ${ .x } ", "PT1S", "P", "PT", "P1W", "P1DT", "https://example.com/{id}",
	"/do/0", "2026-01-31T12:00:00Z", "1.0.0", "01.0.0", "a.b", "-a", "all", "end",
	json.Number("5"), json.Number("-1"), json.Number("1.5"), json.Number("2.0"), json.Number("70000"),
	[]any{},
	[]any{"x"},
	[]any{json.Number("1")},
	[]any{map[string]any{}},
	map[string]any{},
	map[string]any{"use": "x"},
	map[string]any{"x": "y"},
	map[string]any{"x": json.Number("1")},
	map[string]any{"x": map[string]any{}},
}

// eachChange calls visit with every variant of v that differs in one place.
func eachChange(v any, keys []string, visit func(any)) {
	for _, r := range replacements {
		visit(r)
	}
	switch v := v.(type) {
	case map[string]any:
		eachObjectChange(v, keys, visit)
	case []any:
		for i := range v {
			eachChange(v[i], keys, func(changed any) {
				array := slices.Clone(v)
				array[i] = changed
				visit(array)
			})
		}
		visit(append(slices.Clone(v), "text"))
	}
}

func eachObjectChange(v map[string]any, keys []string, visit func(any)) {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		without := maps.Clone(v)
		delete(without, name)
		visit(without)
		eachChange(v[name], keys, func(changed any) {
			object := maps.Clone(v)
			object[name] = changed
			visit(object)
		})
	}
	for _, key := range keys {
		if _, has := v[key]; has {
			continue
		}
		for _, value := range []any{"text", map[string]any{}} {
			object := maps.Clone(v)
			object[key] = value
			visit(object)
		}
	}
}

// TestSchema_SurfaceIsDescribed checks that our schema knows every property by
// name, so that an editor can offer it.
func TestSchema_SurfaceIsDescribed(t *testing.T) {
	text, err := os.ReadFile("testdata/surface.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if findings := Validate("surface.yaml", text); len(findings) > 0 {
		t.Errorf("surface.yaml: %v", findings)
	}
}
