package policies

import (
	"encoding/json"
	"maps"
)

// LibvirtSchema is the JSON Schema of a document for --libvirt-policy. operations
// are all there are. What a schema cannot say, such as that a host of events is
// among the uris, ReadLibvirt does.
func LibvirtSchema(operations []LibvirtOperation) []byte {
	section := libvirtSchema(operations)
	properties := section["properties"].(map[string]any)
	settings := map[string]any{
		"match":   described(map[string]any{"type": "string", "pattern": "^[^/]+/[^/]+$"}, "namespace/name of definitions, with * and ?"),
		"callers": described(schemaList(map[string]any{"enum": []string{"task", "script"}}), "whose requests are meant; all, where nothing is said"),
	}
	for _, key := range []string{"readonly", "allowed_operations", "approval", "dangerous"} {
		settings[key] = properties[key]
	}
	exception := schemaObject(settings)
	exception["required"] = []string{"match"}
	properties["definitions"] = described(schemaList(exception), "what holds instead for some definitions; the first that fits")
	document := schemaObject(map[string]any{"libvirt": section, "signers": signersForm()})
	document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	document["title"] = "What may be asked of libvirt"
	document["required"] = []string{"libvirt"}
	out, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		panic(err) // it holds nothing that JSON has not
	}
	return append(out, '\n')
}

// libvirtForm is the section as a rule of a policy has it, without the names of
// operations: this package does not know them.
var libvirtForm = func() string {
	form, err := json.Marshal(libvirtSchema(nil))
	if err != nil {
		panic(err) // it holds nothing that JSON has not
	}
	return string(form)
}()

func libvirtSchema(operations []LibvirtOperation) map[string]any {
	var plain, dangerous, all []string
	for _, o := range operations {
		all = append(all, o.Name)
		if o.Dangerous {
			dangerous = append(dangerous, o.Name)
		} else {
			plain = append(plain, o.Name)
		}
	}
	text, flag := schema("string"), schema("boolean")
	one := oneOf(all)
	who := map[string]any{"type": "string", "pattern": "^(signer|user):.+$|^principal:[^/]+/[^/]+$"}
	ending := schemaObject(map[string]any{"who": who, "not_after": described(text, "a day, or a time such as 2027-01-31T12:00:00Z, from which on it is accepted no more")})
	ending["required"] = []string{"who"}
	conditional := schemaObject(map[string]any{"operation": one, "uri": text, "name": text})
	conditional["required"] = []string{"operation"}
	danger := schemaObject(map[string]any{
		"acknowledge":        described(flag, "that dangerous operations are meant to be allowed"),
		"allowed_operations": described(schemaList(oneOf(dangerous)), "those that make, destroy or rewire guests, disks and networks"),
		"hostdev":            described(flag, "whether XML may hand devices of the host to guests"),
	})
	// Without the acknowledgement nothing dangerous is allowed (C14).
	danger["anyOf"] = []any{
		map[string]any{"properties": map[string]any{"acknowledge": map[string]any{"const": true}}, "required": []string{"acknowledge"}},
		map[string]any{"properties": map[string]any{"allowed_operations": map[string]any{"maxItems": 0}, "hostdev": map[string]any{"const": false}}},
	}
	return schemaObject(map[string]any{
		"uris":               described(schemaList(text), "hosts that may be named; the first is meant where none is"),
		"readonly":           described(flag, "whether nothing is changed"),
		"timeout":            described(schemaRange(300), "seconds that an operation may take"),
		"max_concurrent_ops": described(schemaRange(100), "operations at the same time at one host"),
		"max_ops_per_minute": described(schemaRange(100_000), "operations that one definition may begin in a minute"),
		"auth_required":      described(flag, "whether only callers that are known may ask"),
		"identities":         described(schemaList(map[string]any{"anyOf": []any{who, ending}}), "who is known: signer:NAME, principal:TYPE/NAME of Temporal, user:NAME of the command line; with * and ?"),
		"allowed_operations": described(schemaList(oneOf(plain)), "instead of the six that are allowed without a policy"),
		"approval":           described(schemaList(map[string]any{"anyOf": []any{one, conditional}}), "operations that a person must approve first"),
		"approval_timeout":   described(schemaRange(30*24*3600), "seconds that a task waits for an approval"),
		"events":             described(schemaList(text), "hosts of uris whose guests are watched"),
		"dangerous":          danger,
	})
}

// oneOf is one of the words, or any text where none is given.
func oneOf(words []string) map[string]any {
	if len(words) == 0 {
		return schema("string")
	}
	return map[string]any{"enum": words}
}

func schemaRange(most int) map[string]any {
	return map[string]any{"type": "integer", "minimum": 1, "maximum": most}
}

// described is a copy of a form that says what it is for.
func described(form map[string]any, text string) map[string]any {
	told := map[string]any{"description": text}
	maps.Copy(told, form)
	return told
}
