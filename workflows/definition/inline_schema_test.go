package definition

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
)

// inlineSchema is the schema that a definition's input has.
func inlineSchema(t *testing.T, document string) *Schema {
	t.Helper()
	return parse(t, "input: {schema: {document: "+document+"}}\ndo: []\n").Input.Schema
}

func TestSchema_Validate(t *testing.T) {
	s := inlineSchema(t, `{type: object, required: [n], properties: {n: {type: integer, maximum: 99999999999999999999}, s: {type: string, pattern: '^a+$'}}}`)
	big20, _ := new(big.Int).SetString("99999999999999999999", 10)
	for name, v := range map[string]any{
		"int": 5, "float64": 5.0, "json.Number": json.Number("5"), "big.Int": big20,
	} {
		if err := s.Validate(map[string]any{"n": v, "s": "aaa"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Validate(map[string]any{"n": new(big.Int).Add(big20, big.NewInt(1))}); err == nil {
		t.Error("a big.Int beyond the maximum was accepted")
	}
	if err := s.Validate(map[string]any{"n": 1.5}); err == nil {
		t.Error("1.5 was accepted as an integer")
	}
}

// TestSchema_ErrorQuotesNoData shows what an error holds: places and the
// schema's side, three of them, and nothing of the data.
func TestSchema_ErrorQuotesNoData(t *testing.T) {
	s := inlineSchema(t, `{properties: {a: {type: integer}, b: {enum: [x]}, c: {maxLength: 3}, d: {pattern: ^x}, e: {const: 1}}, additionalProperties: false}`)
	const secret = "hunter2"
	err := s.Validate(map[string]any{"a": secret, "b": secret, "c": secret, "d": secret, "e": secret, secret: 1})
	if err == nil {
		t.Fatal("invalid data was accepted")
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the error quotes data: %v", err)
	}
	equal(t, `/: 1 property that is not allowed; /a: expected integer, found string; /b: expected another of its values; and 3 more`, err.Error())
}

// TestSchema_Words holds how each kind of problem is told.
func TestSchema_Words(t *testing.T) {
	for schema, c := range map[string]struct {
		data any
		want string
	}{
		`{required: [a, b]}`:                       {map[string]any{}, `/: missing "a", "b"`},
		`{minimum: 2}`:                             {1, "/: expected at least 2"},
		`{maximum: 2}`:                             {3, "/: expected at most 2"},
		`{exclusiveMinimum: 2}`:                    {2, "/: expected more than 2"},
		`{exclusiveMaximum: 2}`:                    {2, "/: expected less than 2"},
		`{multipleOf: 2}`:                          {3, "/: expected a multiple of 2"},
		`{pattern: ^a}`:                            {"b", "/: expected the pattern ^a"},
		`{format: ipv4}`:                           {"b", "/: expected the format ipv4"},
		`{items: {const: 1}}`:                      {[]any{2}, "/0: expected its one value"},
		`{minLength: 3}`:                           {"ab", "/: minLength: got 2, want 3"},
		`{uniqueItems: true}`:                      {[]any{1, 1}, "/: items at 0 and 1 are equal"},
		`{propertyNames: {maxLength: 1}}`:          {map[string]any{"long": 1}, "/: maxLength: got 4, want 1"},
		`{properties: {a: false}}`:                 {map[string]any{"a": 1}, "/a: not allowed"},
		`{additionalProperties: false}`:            {map[string]any{"a": 1, "b": 2}, "/: 2 properties that are not allowed"},
		`{properties: {'a/b~c': {type: boolean}}}`: {map[string]any{"a/b~c": 1}, "/a~1b~0c: expected boolean, found number"},
		`{type: object}`:                           {struct{}{}, "/: not a JSON value"},
		`{properties: {a: {items: {type: integer}}}}`: {
			map[string]any{"a": []any{new(big.Int), "x"}}, "/a/1: expected integer, found string",
		},
	} {
		err := inlineSchema(t, schema).Validate(c.data)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, expected %s", schema, err, c.want)
		}
	}
}

func TestSchema_Format(t *testing.T) {
	s := inlineSchema(t, `{format: date}`)
	if err := s.Validate("2024-01-02"); err != nil {
		t.Error(err)
	}
	if err := s.Validate("tomorrow"); err == nil {
		t.Error("formats are not asserted")
	}
}

func TestSchema_Boolean(t *testing.T) {
	if err := inlineSchema(t, "true").Validate(1); err != nil {
		t.Error(err)
	}
	if err := inlineSchema(t, "false").Validate(1); err == nil {
		t.Error("false accepted a value")
	}
}

func TestSchema_References(t *testing.T) {
	s := inlineSchema(t, `{$defs: {tree: {properties: {next: {$ref: '#/$defs/tree'}, value: {type: string}}}}, $ref: '#/$defs/tree'}`)
	if err := s.Validate(map[string]any{"next": map[string]any{"value": "x"}}); err != nil {
		t.Error(err)
	}
	err := s.Validate(map[string]any{"next": map[string]any{"value": 1}})
	if err == nil || err.Error() != "/next/value: expected string, found number" {
		t.Errorf("error %v", err)
	}
}

// TestSchema_StepsAreBounded gives a schema that doubles its work with every
// level of the data.
func TestSchema_StepsAreBounded(t *testing.T) {
	s := inlineSchema(t, `{allOf: [{properties: {n: {$ref: '#'}}}, {properties: {n: {$ref: '#'}}}]}`)
	deep := any(map[string]any{})
	for range 40 {
		deep = map[string]any{"n": deep}
	}
	if err := s.Validate(deep); !errors.Is(err, errBudget) {
		t.Errorf("error %v, expected %v", err, errBudget)
	}
	if err := s.Validate(map[string]any{"n": map[string]any{}}); err != nil {
		t.Errorf("after a validation that ran out of steps: %v", err)
	}
}

func TestSchema_IsSafeForConcurrentUse(t *testing.T) {
	s := inlineSchema(t, `{type: object}`)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				if s.Validate(map[string]any{}) != nil || s.Validate(1) == nil {
					t.Error("a wrong verdict")
				}
			}
		})
	}
	group.Wait()
}

// TestJSONSchema_IsValid compiles our schema under a name whose documents the
// compiler checks against the metaschema, which documentSchema spares.
func TestJSONSchema_IsValid(t *testing.T) {
	compileDocumentSchema("https://lazaret.dev/schemas/workflow.json", "")
}

func TestJSONSchema_IsDescribed(t *testing.T) {
	defs := schemaTree().get("$defs")
	for _, name := range keys(defs) {
		for _, property := range keys(defs.get(name).get("properties")) {
			p := defs.get(name).get("properties").get(property)
			if !describes(p) && !obvious[property] {
				t.Errorf("%s.%s has no description", name, property)
			}
		}
	}
}

// obvious are properties that say what they are.
var obvious = map[string]bool{
	"days": true, "hours": true, "minutes": true, "seconds": true, "milliseconds": true,
	"username": true, "password": true, "token": true, "type": true, "status": true, "title": true, "detail": true, "instance": true,
	"fork": true, "raise": true, "emit": true, "listen": true, "limit": true, "use": true,
}

func describes(p cursor) bool {
	if p.get("description").exists() {
		return true
	}
	ref := p.get("$ref").str()
	return ref != "" && schemaNode(strings.TrimPrefix(ref, "#")).get("description").exists()
}
