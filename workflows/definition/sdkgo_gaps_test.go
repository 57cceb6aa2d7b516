package definition

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/serverlessworkflow/sdk-go/v3/model"
	"github.com/serverlessworkflow/sdk-go/v3/parser"
)

// The specification's Go SDK has a model of the language and a parser, which
// this package would rather use than its own. This file holds why it does not
// yet: documents that the SDK changes, refuses or lets pass. A test here fails
// once the SDK has mended its part, so that ours can go.

// sdkDocument is a document of the table below as JSON, the SDK's safer input.
func sdkDocument(t *testing.T, body string) []byte {
	t.Helper()
	_, root, p := read([]byte(head + body))
	if p != nil {
		t.Fatalf("%s: %s", body, p.message)
	}
	text, err := json.Marshal(root.value())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// sdkParse is the SDK's parser; a panic in it counts as a refusal.
func sdkParse(text []byte) (workflow *model.Workflow, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &problem{message: "the SDK panics"}
		}
	}()
	return parser.FromJSONSource(text)
}

// TestSDKGo_LosesOrAlters has valid documents that come back different from
// reading and writing.
func TestSDKGo_LosesOrAlters(t *testing.T) {
	for name, body := range map[string]string{
		"run.return":           "do: [{a: {run: {shell: {command: ls}, return: code}}}]\n",
		"shell.stdin":          "do: [{a: {run: {shell: {command: cat, stdin: x}}}}]\n",
		"schedule.read":        "schedule: {on: {one: {with: {type: t}}}, read: envelope}\ndo: [{a: {set: {x: 1}}}]\n",
		"listen.read":          "do: [{a: {listen: {to: {one: {with: {type: t}}}, read: raw}}}]\n",
		"listen.foreach":       "do: [{a: {listen: {to: {one: {with: {type: t}}}}, foreach: {item: e}}}]\n",
		"evaluate":             "evaluate: {mode: loose}\ndo: [{a: {set: {x: 1}}}]\n",
		"catch.then":           "do: [{a: {try: [{b: {set: {x: 1}}}], catch: {then: end}}}]\n",
		"errors.with.detail":   "do: [{a: {try: [{b: {set: {x: 1}}}], catch: {errors: {with: {detail: d}}}}}]\n",
		"retry by name":        "use: {retries: {r: {delay: PT1S}}}\ndo: [{a: {try: [{b: {set: {x: 1}}}], catch: {retry: r}}}]\n",
		"listen to every":      "do: [{a: {listen: {to: {any: []}}}}]\n",
		"oidc":                 "use: {authentications: {o: {oidc: {authority: 'https://example.com', grant: password}}}}\ndo: [{a: {set: {x: 1}}}]\n",
		"integers beyond 2^53": "do: [{a: {set: {x: 9007199254740993}}}]\n",
		"empty workflow input": "do: [{a: {run: {workflow: {namespace: n, name: m, version: 1.0.0, input: {}}}}}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			if findings := Validate(name, []byte(head+body)); findings.HasErrors() {
				t.Fatalf("the document is invalid: %v", findings)
			}
			text := sdkDocument(t, body)
			workflow, err := sdkParse(text)
			if err != nil {
				t.Fatalf("the SDK refuses this: %v", err)
			}
			back, err := json.Marshal(workflow)
			if err == nil && cmp.Equal(decode(t, text), decode(t, back)) {
				t.Error("the SDK keeps this now")
			}
		})
	}
}

// decode is JSON as data, its numbers as written.
func decode(t *testing.T, text []byte) any {
	t.Helper()
	root, p, ok := readJSON(newSource(string(text)))
	if p != nil || !ok {
		t.Fatalf("JSON %s", text)
	}
	return root.value()
}

// TestSDKGo_Refuses has valid documents that the SDK does not take.
func TestSDKGo_Refuses(t *testing.T) {
	for name, body := range map[string]string{
		"timeout by name":           "use: {timeouts: {t: {after: PT1S}}}\ntimeout: t\ndo: [{a: {set: {x: 1}}}]\n",
		"task timeout by name":      "use: {timeouts: {t: {after: PT1S}}}\ndo: [{a: {timeout: t, set: {x: 1}}}]\n",
		"fraction of a second":      "do: [{a: {wait: PT0.5S}}]\n",
		"weeks":                     "do: [{a: {wait: P1W}}]\n",
		"computed duration":         "do: [{a: {wait: '${ .x }'}}]\n",
		"computed set":              "do: [{a: {set: '${ .x }'}}]\n",
		"no task":                   "do: []\n",
		"boolean schema":            "input: {schema: {document: true}}\ndo: [{a: {set: {x: 1}}}]\n",
		"empty output.as":           "do: [{a: {set: {x: 1}, output: {as: {}}}}]\n",
		"apostrophe in a condition": "do: [{a: {if: '.x == \"it''s\"', set: {x: 1}}}]\n",
		"padded expression":         "do: [{a: {if: ' ${ .x } ', set: {x: 1}}}]\n",
		"urn as error type":         "do: [{a: {raise: {error: {type: 'urn:example:oops', status: 500}}}}]\n",
		"numeric environment":       "do: [{a: {run: {shell: {command: ls, environment: {A: 1}}}}}]\n",
		"other script language":     "do: [{a: {run: {script: {language: ruby, code: puts}}}}]\n",
		"latest version":            "do: [{a: {run: {workflow: {namespace: n, name: m, version: latest}}}}]\n",
		"inline collection":         "do: [{a: {for: {in: [{x: 1}]}, do: [{b: {set: {x: 1}}}]}}]\n",
		"method HEAD":               "do: [{a: {call: http, with: {method: HEAD, endpoint: 'https://example.com'}}}]\n",
		"computed headers":          "do: [{a: {call: http, with: {method: get, endpoint: 'https://example.com', headers: '${ .h }'}}}]\n",
		"grpc without port":         "do: [{a: {call: grpc, with: {proto: {endpoint: 'file://a.proto'}, service: {name: s, host: h}, method: m}}}]\n",
		"computed event time":       "use: {secrets: [s]}\ndo: [{a: {emit: {event: {with: {type: t, time: '${ .x }'}}}}}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			if findings := Validate(name, []byte(head+body)); findings.HasErrors() {
				t.Fatalf("the document is invalid: %v", findings)
			}
			if _, err := sdkParse(sdkDocument(t, body)); err == nil {
				t.Error("the SDK takes this now")
			}
		})
	}
}

// TestSDKGo_LetsPass has invalid documents that the SDK takes.
func TestSDKGo_LetsPass(t *testing.T) {
	for name, body := range map[string]string{
		"typo":                    "do: [{a: {set: {x: 1}, thne: end}}]\n",
		"empty duration":          "do: [{a: {wait: {}}}]\n",
		"code and source":         "do: [{a: {run: {script: {language: python, code: pass, source: {endpoint: 'https://example.com'}}}}}]\n",
		"neither code nor source": "do: [{a: {run: {script: {language: python}}}}]\n",
		"unknown return":          "do: [{a: {run: {shell: {command: ls}, return: nothing}}}]\n",
		"case without then":       "do: [{a: {switch: [{b: {when: .x}}]}}]\n",
		"empty listen":            "do: [{a: {listen: {to: {}}}}]\n",
		"two kinds":               "do: [{a: {set: {x: 1}, wait: PT1S}}]\n",
		"dotted namespace":        "x: 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			document := head + body
			if name == "dotted namespace" {
				document = "document: {dsl: 1.0.3, namespace: a.bb, name: n, version: 1.0.0}\ndo: [{a: {set: {x: 1}}}]\n"
			}
			if !Validate(name, []byte(document)).HasErrors() {
				t.Fatal("the document is valid")
			}
			_, root, _ := read([]byte(document))
			text, _ := json.Marshal(root.value())
			if _, err := sdkParse(text); err != nil {
				t.Errorf("the SDK refuses this now: %v", err)
			}
		})
	}
}

// TestSDKGo_NoIntegrity has documents whose names lead nowhere, which the SDK
// does not check.
func TestSDKGo_NoIntegrity(t *testing.T) {
	for name, body := range map[string]string{
		"unknown target": "do: [{a: {set: {x: 1}, then: nowhere}}]\n",
		"same name":      "do: [{a: {set: {x: 1}}}, {a: {set: {x: 2}}}]\n",
		"two defaults":   "do: [{a: {switch: [{b: {then: end}}, {c: {then: end}}]}}]\n",
		"unknown error":  "do: [{a: {raise: {error: oops}}}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse(name, []byte(head+body)); err == nil {
				t.Fatal("the document has no finding")
			}
			if _, err := sdkParse(sdkDocument(t, body)); err != nil {
				t.Errorf("the SDK refuses this now: %v", err)
			}
		})
	}
}

// TestSDKGo_ReadsYAML11 has a document whose keys and values the SDK's YAML
// reads as booleans.
func TestSDKGo_ReadsYAML11(t *testing.T) {
	workflow, err := parser.FromYAMLSource([]byte(head + "do:\n  - a: {set: {country: no, on: 1}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(workflow)
	if err != nil {
		t.Fatal(err)
	}
	set, _ := decode(t, text).(map[string]any)["do"].([]any)[0].(map[string]any)["a"].(map[string]any)["set"].(map[string]any)
	if set["country"] == "no" && set["on"] != nil {
		t.Error("the SDK reads YAML 1.2 now")
	}
}
