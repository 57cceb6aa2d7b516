package definition

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestValidate_VerdictOfMutations changes the specification's documents at
// random places and compares the verdicts of both schemas, so that a bound we
// forgot or added shows. The changes are the same on every run.
func TestValidate_VerdictOfMutations(t *testing.T) {
	dir := specDir(t)
	spec := specSchema(t, dir)
	m := newMutator(specDocuments(t, dir))
	const mutations = 3_000
	invalid := 0
	for i := range mutations {
		document := m.mutate(i)
		if hasMapArguments(document) {
			continue
		}
		want, got := spec.Validate(document), documentSchema().Validate(document)
		if want != nil {
			invalid++
		}
		if (want == nil) != (got == nil) {
			text, _ := json.Marshal(document)
			t.Errorf("mutation %d: the specification says %v, we say %v:\n%s", i, want, got, text)
		}
	}
	t.Logf("%d mutations, %d of them invalid", mutations, invalid)
}

// hasMapArguments finds the one difference that is meant.
func hasMapArguments(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, process := range []string{"script", "shell"} {
			p, _ := v[process].(map[string]any)
			if _, isMap := p["arguments"].(map[string]any); isMap {
				return true
			}
		}
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), hasMapArguments)
	case []any:
		return slices.ContainsFunc(v, hasMapArguments)
	}
	return false
}

// mutator changes documents with what it finds in them.
type mutator struct {
	documents []any
	keys      []string         // all keys of all documents
	values    map[string][]any // what stands under each key
	random    *rand.Rand
}

func newMutator(documents map[string]string) *mutator {
	m := &mutator{values: map[string][]any{}}
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		_, root, _ := read([]byte(documents[name]))
		m.documents = append(m.documents, root.value())
		m.learn(root.value())
	}
	m.keys = slices.Sorted(maps.Keys(m.values))
	m.keys = append(m.keys, "use", "until", "details", "compete", "digest", "query", "retries", "metadata", "nonsense")
	return m
}

func (m *mutator) learn(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			m.values[key] = append(m.values[key], v[key])
			m.learn(v[key])
		}
	case []any:
		for _, item := range v {
			m.learn(item)
		}
	}
}

// mutate is a copy of some document with one to three changes.
func (m *mutator) mutate(seed int) any {
	m.random = rand.New(rand.NewPCG(uint64(seed), 1))
	document := m.documents[m.random.IntN(len(m.documents))]
	for range 1 + m.random.IntN(3) {
		document = m.change(document, m.random.IntN(60))
	}
	return document
}

// change copies v with a change some steps below it.
func (m *mutator) change(v any, steps int) any {
	switch v := v.(type) {
	case map[string]any:
		return m.changeObject(v, steps)
	case []any:
		return m.changeArray(v, steps)
	default:
		return m.value("")
	}
}

func (m *mutator) changeObject(v map[string]any, steps int) any {
	object := maps.Clone(v)
	names := slices.Sorted(maps.Keys(object))
	if steps%8 == 0 || len(names) == 0 {
		key := m.keys[m.random.IntN(len(m.keys))]
		object[key] = m.value(key)
		return object
	}
	name := names[m.random.IntN(len(names))]
	switch steps % 8 {
	case 1:
		delete(object, name)
	case 2:
		object[name] = m.value(name)
	default:
		object[name] = m.change(object[name], m.random.IntN(60))
	}
	return object
}

func (m *mutator) changeArray(v []any, steps int) any {
	if len(v) == 0 || steps%10 == 0 {
		return append(slices.Clone(v), m.value(""))
	}
	array := slices.Clone(v)
	i := m.random.IntN(len(array))
	array[i] = m.change(array[i], m.random.IntN(60))
	return array
}

// value is something that stands under that key elsewhere, or anything.
func (m *mutator) value(key string) any {
	if known := m.values[key]; len(known) > 0 && m.random.IntN(3) == 0 {
		return known[m.random.IntN(len(known))]
	}
	key = m.keys[m.random.IntN(len(m.keys))]
	return []any{
		nil, true, "text", "", "${ .x }", "PT1S", "P1W", "https://example.com/{id}", "a b", "/do/0", "1.0.0",
		json.Number("5"), json.Number("-1"), json.Number("1.5"), json.Number("2.0"),
		[]any{},
		[]any{"x"},
		[]any{json.Number("1")},
		map[string]any{},
		map[string]any{"use": "x"},
		map[string]any{key: "x"},
		map[string]any{"x": map[string]any{}},
		strconv.Itoa(m.random.IntN(9)),
	}[m.random.IntN(23)]
}
