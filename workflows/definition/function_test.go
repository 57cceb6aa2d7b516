package definition

import "testing"

func TestRawURL(t *testing.T) {
	for page, want := range map[string]string{
		"https://example.com/function.yaml":                           "https://example.com/function.yaml",
		"https://github.com/o/r":                                      "https://raw.githubusercontent.com/o/r/HEAD",
		"https://github.com/o/r/tree/main":                            "https://raw.githubusercontent.com/o/r/main",
		"https://github.com/o/r/blob/v1/functions/x/function.yaml":    "https://raw.githubusercontent.com/o/r/v1/functions/x/function.yaml",
		"https://gitlab.com/group/sub/project/-/blob/main/x.yaml":     "https://gitlab.com/group/sub/project/-/raw/main/x.yaml",
		"https://gitlab.example.com/group/project/-/tree/main/a/":     "https://gitlab.example.com/group/project/-/raw/main/a",
		"https://raw.githubusercontent.com/o/r/main/x/function.yaml":  "https://raw.githubusercontent.com/o/r/main/x/function.yaml",
		"https://github.com.example.com/o/r/tree/main/functions/x.ym": "https://github.com.example.com/o/r/tree/main/functions/x.ym",
	} {
		if got := rawURL(page); got != want {
			t.Errorf("rawURL(%q) is %q, not %q", page, got, want)
		}
	}
}

// TestParse_Cataloged holds where the functions of catalogs are sought.
func TestParse_Cataloged(t *testing.T) {
	d := parse(t, `use: {catalogs: {tools: {endpoint: {uri: 'https://github.com/o/catalog/tree/main'}}}}
do:
  - a: {call: 'log:1.0.0@tools'}
  - b: {call: 'log:1.0.0@default'}
`)
	equal(t, "https://raw.githubusercontent.com/o/catalog/main/functions/log/1.0.0/function.yaml", body[*CallFunction](t, d.Do[0]).URL)
	child := body[*RunWorkflow](t, d.Do[1])
	equal(t, "test/log:1.0.0", child.Namespace+"/"+child.Name+":"+child.Version)
}

func TestParseFunction(t *testing.T) {
	task, err := ParseFunction("https://example.com/f.yaml", []byte("input: {from: .x}\nset: {y: '${ . }'}\n"))
	if err != nil || task.Kind() != "set" {
		t.Fatalf("%v, %v", task, err)
	}
	for _, text := range []string{"", "[]", "set: 1", "{call: other}", "nothing: {x: 1}", "a: &a [*a]", "set: {x: '${ $secret }'}", "do: [{a: {then: b, set: {x: 1}}}]"} {
		if task, err := ParseFunction("f.yaml", []byte(text)); err == nil || task != nil {
			t.Errorf("%q is taken: %v", text, task)
		}
	}
}
