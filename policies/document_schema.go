package policies

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Schema is the JSON Schema of a policy document, made from the same table that
// documents are read by. What a schema cannot say, such as that rules do not tie,
// lint and the reader do.
func Schema() []byte {
	settings := schemaOfSettings()
	text, list := schema("string"), schemaList(schema("string"))
	rule := map[string]any{"name": text, "match": schemaObject(map[string]any{
		"namespace": text, "name": text, "version": text, "digest": text, "signer": text,
		"labels": map[string]any{"type": "object", "additionalProperties": text},
	}), "extends": text}
	base := map[string]any{"extends": text}
	expect := map[string]any{"rule": map[string]any{"type": []string{"string", "null"}}}
	for key, value := range settings {
		rule[key], base[key], expect[key] = value, value, value
	}
	asked := map[string]any{}
	for _, key := range askable {
		asked[key] = list
	}
	var events map[string]any
	mustDecode(string(eventSchema), &events)
	definitions := events["$defs"]
	delete(events, "$schema")
	delete(events, "$defs")
	ruleSchema := schemaObject(rule)
	ruleSchema["required"] = []string{"match"}
	document := schemaObject(map[string]any{
		"policy":    map[string]any{"const": formatVersion, "description": "the version of the format"},
		"revision":  map[string]any{"type": "integer", "minimum": 1, "description": "orders the versions of this document; a worker refuses one older than it has had"},
		"signers":   signersForm(),
		"suspended": map[string]any{"type": "array", "items": map[string]any{"type": "string", "pattern": "^(signer|principal):."}, "description": "who counts for nothing until the line is taken out: signer:NAME, principal:TYPE/NAME"},
		"contacts":  map[string]any{"type": "array", "items": schemaObject(map[string]any{"name": text, "email": text, "phone": text}), "description": "people to call in an emergency"},
		"targets": map[string]any{"type": "object", "description": "where notifications go, by name", "additionalProperties": schemaObject(map[string]any{
			"type": map[string]any{"enum": []string{"webhook", "slack", "smtp", "exec"}}, "url": text, "from": text, "to": list,
			"command": list, "secretFrom": text, "privateNetworks": list,
		})},
		"events": events,
		"bases":  map[string]any{"type": "object", "additionalProperties": schemaObject(base), "description": "rules to extend, by name"},
		"rules":  map[string]any{"type": "array", "items": ruleSchema, "description": "what holds for which definitions; the most specific that fits decides"},
		"tests": map[string]any{"type": "array", "description": "what lazaret policy test expects of this document", "items": schemaObject(map[string]any{
			"name": text, "given": schemaObject(map[string]any{
				"namespace": text, "name": text, "version": text, "digest": text, "signedBy": text,
				"labels": map[string]any{"type": "object", "additionalProperties": text},
			}),
			"expect": schemaObject(expect), "allow": schemaObject(asked), "deny": schemaObject(asked),
		})},
	})
	document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	document["title"] = "A policy of lazaret"
	document["$defs"] = definitions // of the events' schema
	document["required"] = []string{"policy"}
	out, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		panic(err) // it holds nothing that JSON has not
	}
	return append(out, '\n')
}

func signersForm() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string", "pattern": "^" + publicKeyPrefix}, "description": "public keys by name"}
}

func schema(kind string) map[string]any { return map[string]any{"type": kind} }

func schemaList(items any) map[string]any { return map[string]any{"type": "array", "items": items} }

func schemaObject(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

// schemaOfSettings are the settings as a rule has them, in their groups.
func schemaOfSettings() map[string]any {
	all := map[string]any{}
	for _, s := range settings {
		var form map[string]any
		mustDecode(s.form, &form)
		form["description"] = s.about
		group, inner, ok := strings.Cut(s.key, ".")
		if !ok {
			all[s.key] = form
			continue
		}
		if all[group] == nil {
			all[group] = schemaObject(map[string]any{})
		}
		all[group].(map[string]any)["properties"].(map[string]any)[inner] = form
	}
	return all
}

func mustDecode(text string, into any) {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		panic(fmt.Errorf("a schema of the program: %w", err))
	}
}

// SettingDoc is one setting as the documentation lists it.
type SettingDoc struct {
	Key, About string
	// Defaults are what it is at each level, in the order of Levels, where no rule
	// says anything.
	Defaults []string
}

// SettingDocs are all settings of a rule.
func SettingDocs() []SettingDoc {
	var docs []SettingDoc
	for _, s := range settings {
		doc := SettingDoc{Key: s.key, About: s.about}
		for _, level := range Levels() {
			e, err := LevelDefaults(level)
			if err == nil {
				doc.Defaults = append(doc.Defaults, shown(s.show(e)))
			}
		}
		docs = append(docs, doc)
	}
	return docs
}
