package definition

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lazaret.dev/lazaret/workflows/expression"
)

const head = "document: {dsl: 1.0.3, namespace: test, name: sample, version: 1.0.0}\n"

// parse is the definition of a document without its first line.
func parse(t *testing.T, body string) *Definition {
	t.Helper()
	d, err := Parse("flow.yaml", []byte(head+body))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// constant is the value of a template that has no expressions.
func constant(t *testing.T, template *expression.Template) any {
	t.Helper()
	value, ok := template.Constant()
	if !ok {
		t.Fatal("a template with expressions, expected none")
	}
	return value
}

func equal(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// body is the body of a list's task as the kind it must be.
func body[B Body](t *testing.T, task *Task) B {
	t.Helper()
	b, ok := task.Body.(B)
	if !ok {
		t.Fatalf("task %q has the body %T", task.Name, task.Body)
	}
	return b
}

func TestParse_Document(t *testing.T) {
	text := `document:
  dsl: 1.0.3
  namespace: billing
  name: nightly
  version: 0.1.0
  title: Nightly
  summary: Runs at night.
  metadata: {owner: ops}
use: {secrets: [token]}
evaluate: {mode: loose}
timeout: {after: PT1H}
do: []
`
	d, err := Parse("flow.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, Document{
		DSL: "1.0.3", Namespace: "billing", Name: "nightly", Version: "0.1.0",
		Title: "Nightly", Summary: "Runs at night.", Metadata: map[string]any{"owner": "ops"},
	}, d.Document)
	equal(t, []string{"token"}, d.Secrets)
	equal(t, expression.Loose, d.Mode)
	equal(t, time.Hour, d.Timeout.After.Fixed)
	equal(t, text, string(d.Source))
	equal(t, 64, len(d.Digest))
	equal(t, 0, len(d.Do))
}

func TestParse_References(t *testing.T) {
	d := parse(t, `do:
  - a: {set: {x: 1}}
  - t:
      try: [{x: {set: {x: 1}}}]
      catch: {do: [{y: {set: {x: 1}}}]}
  - f: {fork: {branches: [{a: {set: {x: 1}}}, {b: {set: {x: 1}}}]}}
  - loop: {for: {in: .items}, do: [{z: {do: [{'a/b~c': {set: {x: 1}}}]}}]}
`)
	var references []string
	d.Walk(func(task *Task) { references = append(references, task.Reference) })
	equal(t, []string{
		"/do/0/a", "/do/1/t", "/do/1/t/try/0/x", "/do/1/t/catch/do/0/y", "/do/2/f", "/do/2/f/fork/branches/0/a",
		"/do/2/f/fork/branches/1/b", "/do/3/loop", "/do/3/loop/do/0/z", "/do/3/loop/do/0/z/do/0/a~1b~0c",
	}, references)
	equal(t, Position{3, 5}, d.Do[0].Position)
}

// TestParse_YAML12 holds the traps of YAML 1.1 and of binary numbers.
func TestParse_YAML12(t *testing.T) {
	d := parse(t, `do:
  - a:
      set:
        on: 1
        y: 2
        no: 3
        1: one
        ~: tilde
        country: no
        answer: yes
        switch: off
        really: True
        nothing: ~
        day: 2024-01-02
        moment: 2024-01-02T03:04:05Z
        big: 9007199254740993
        huge: 123456789012345678901234567890
        hex: 0xFF
        octal: 0o17
        padded: 0123
        sexagesimal: 1:30
        grouped: 1_000
        half: .5
        whole: 5.
        plus: +5
        power: 1e3
        quoted: "5"
        tagged: !!str 5
        merged: {<<: {a: 1, b: 2}, b: 3}
        empty:
        text: |
          line
`)
	equal(t, any(map[string]any{
		"on": json.Number("1"), "y": json.Number("2"), "no": json.Number("3"), "1": "one", "~": "tilde",
		"country": "no", "answer": "yes", "switch": "off", "really": true, "nothing": nil,
		"day": "2024-01-02", "moment": "2024-01-02T03:04:05Z",
		"big": json.Number("9007199254740993"), "huge": json.Number("123456789012345678901234567890"),
		"hex": json.Number("255"), "octal": json.Number("15"), "padded": json.Number("123"),
		"sexagesimal": "1:30", "grouped": "1_000", "half": json.Number("0.5"), "whole": json.Number("5.0"),
		"plus": json.Number("5"), "power": json.Number("1e3"), "quoted": "5", "tagged": "5",
		"merged": map[string]any{"a": json.Number("1"), "b": json.Number("3")}, "empty": nil, "text": "line\n",
	}), d.Do[0].Raw["set"])
}

// TestParse_SetValue follows exact numbers into the compiled template.
func TestParse_SetValue(t *testing.T) {
	d := parse(t, "do: [{a: {set: {big: 9007199254740993}}}]\n")
	text, err := expression.Encode(constant(t, body[*Set](t, d.Do[0]).Value))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, `{"big":9007199254740993}`, string(text))
}

func TestParse_JSON(t *testing.T) {
	yaml := parse(t, "do: [{a: {set: {x: \"\\U0001F600/\", y: 1.50}, then: end}}]\n")
	text := `{"document": {"dsl": "1.0.3", "namespace": "test", "name": "sample", "version": "1.0.0"},
		"do": [{"a": {"set": {"x": "\ud83d\ude00\/", "y": 1.50}, "then": "end"}}]}`
	d, err := Parse("flow.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, yaml.Raw, d.Raw)
	equal(t, Position{2, 11}, d.Do[0].Position)
}

func TestParse_LineEndings(t *testing.T) {
	text := head + "do:\n  - a:\n      run: {script: {language: python, code: pass}}\n  - b:\n      set:\n        x: |\n          one\n          two\n"
	unix, err := Parse("flow.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	windows, err := Parse("flow.yaml", []byte("\ufeff"+strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, unix.Raw, windows.Raw)
	equal(t, unix.Do[1].Position, windows.Do[1].Position)
}

func TestParse_TwoKindsIsDeterministic(t *testing.T) {
	text := []byte(head + "do:\n  - x:\n      wait: PT1S\n      set: {a: 1}\n")
	for range 300 {
		_, err := Parse("flow.yaml", text)
		if err == nil || err.Error() != `flow.yaml:5:7: task "x" has two kinds: set and wait [task.kinds]` {
			t.Fatalf("error %v", err)
		}
	}
}

func TestParse_FindingsAreDeterministic(t *testing.T) {
	text := []byte(head + "extra: 1\ndo:\n  - a: {sett: 1, b: 2, c: 3}\n  - b: {set: {}, thne: x, els: y}\n  - c: {run: {shell: {}, script: {}}}\n")
	_, want := Parse("flow.yaml", text)
	for range 50 {
		_, got := Parse("flow.yaml", text)
		equal(t, want.Error(), got.Error())
	}
}

func TestParse_Flow(t *testing.T) {
	d := parse(t, `do:
  - a: {set: {x: 1}, then: c}
  - b: {set: {x: 1}, then: end}
  - c: {set: {x: 1}, then: exit, if: .x}
  - d:
      switch:
        - other: {then: b}
        - big: {when: .x > 5, then: continue}
        - small: {when: '${ .x < 5 }', then: a}
  - end: {set: {x: 1}}
`)
	equal(t, Then{Directive: Goto, Target: 2, Name: "c"}, d.Do[0].Then)
	equal(t, Then{Directive: End}, d.Do[1].Then)
	equal(t, Then{Directive: Exit}, d.Do[2].Then)
	equal(t, Then{}, d.Do[3].Then)
	cases := body[*Switch](t, d.Do[3]).Cases
	equal(t, []string{"big", "small", "other"}, []string{cases[0].Name, cases[1].Name, cases[2].Name})
	equal(t, true, cases[2].When == nil)
	equal(t, Then{Directive: Goto, Target: 1, Name: "b"}, cases[2].Then)
}

func TestParse_Try(t *testing.T) {
	d := parse(t, `use:
  retries:
    often:
      when: $problem.status == 503
      delay: {seconds: 3}
      backoff: {exponential: {}}
      limit: {attempt: {count: 5, duration: PT1M}, duration: PT1H}
      jitter: {from: {milliseconds: 100}, to: PT0.5S}
do:
  - t:
      try: []
      catch:
        errors: {with: {type: https://example.com/a, status: 503, details: broken}}
        as: problem
        when: .status > 500
        retry: often
        then: exit
  - u: {try: [], catch: {}}
  - v: {try: [], catch: {retry: {delay: '${ .wait }', backoff: {linear: {}}}}}
`)
	catch := body[*Try](t, d.Do[0]).Catch
	equal(t, &ErrorFilter{Type: "https://example.com/a", Status: 503, Detail: "broken"}, catch.Filter)
	equal(t, "problem", catch.As)
	equal(t, &Then{Directive: Exit}, catch.Then)
	retry := catch.Retry
	equal(t, 3*time.Second, retry.Delay.Fixed)
	equal(t, Exponential, retry.Backoff)
	equal(t, 5, retry.Attempts)
	equal(t, time.Minute, retry.AttemptDuration.Fixed)
	equal(t, time.Hour, retry.LimitDuration.Fixed)
	equal(t, 100*time.Millisecond, retry.JitterFrom.Fixed)
	equal(t, 500*time.Millisecond, retry.JitterTo.Fixed)
	plain := body[*Try](t, d.Do[1]).Catch
	equal(t, true, plain.Filter == nil && plain.Retry == nil && plain.Then == nil && plain.As == "error")
	computed := body[*Try](t, d.Do[2]).Catch.Retry
	equal(t, "${ .wait }", computed.Delay.Dynamic.Source())
	equal(t, Linear, computed.Backoff)
}

func TestParse_Raise(t *testing.T) {
	d := parse(t, `use:
  errors:
    oops: {type: https://example.com/oops, status: 418, title: Oops}
do:
  - a: {raise: {error: oops}}
`)
	raised := body[*Raise](t, d.Do[0]).Error
	equal(t, any("https://example.com/oops"), constant(t, raised.Type))
	equal(t, any("Oops"), constant(t, raised.Title))
	status, err := expression.Encode(constant(t, raised.Status))
	equal(t, "418", string(status))
	equal(t, true, err == nil && raised.Detail == nil && raised.Instance == nil)
}

func TestParse_Run(t *testing.T) {
	d := parse(t, `do:
  - script:
      run:
        script:
          language: javascript
          stdin: ${ .in }
          arguments: {name: '${ .name }'}
          environment: {A: 1}
          code: |

            console.log("${x}")
            console.log('${ .y + }')
        await: false
        return: all
  - computed: {run: {script: {language: python, code: '${ .code }'}}}
  - shell: {run: {shell: {command: 'echo ${ .a } $1', arguments: [x]}}}
  - child: {run: {workflow: {namespace: n, name: m, version: latest, input: {x: '${ .x }'}}}}
`)
	script := body[*RunScript](t, d.Do[0])
	equal(t, "js", script.Language)
	equal(t, any("\nconsole.log(\"${x}\")\nconsole.log('${ .y + }')\n"), constant(t, script.Code))
	equal(t, 11, script.CodeAt.Line)
	equal(t, true, !script.Await && script.Return == ReturnAll)
	_, fixed := body[*RunScript](t, d.Do[1]).Code.Constant()
	equal(t, false, fixed)
	shell := body[*RunShell](t, d.Do[2])
	equal(t, true, shell.Await && shell.Return == ReturnStdout && shell.Stdin == nil)
	child := body[*RunWorkflow](t, d.Do[3])
	equal(t, [3]string{"n", "m", "latest"}, [3]string{child.Namespace, child.Name, child.Version})
	kinds := []string{d.Do[0].Kind(), d.Do[2].Kind(), d.Do[3].Kind()}
	equal(t, []string{"run.script", "run.shell", "run.workflow"}, kinds)
}

func TestParse_Loop(t *testing.T) {
	d := parse(t, "do:\n  - a: {for: {in: [{x: 1}]}, while: $index < 2, do: []}\n  - b: {for: {each: pet, at: n, in: '${ .pets }'}, do: []}\n")
	plain := body[*For](t, d.Do[0])
	equal(t, [2]string{"item", "index"}, [2]string{plain.Each, plain.At})
	named := body[*For](t, d.Do[1])
	equal(t, [2]string{"pet", "n"}, [2]string{named.Each, named.At})
}

func TestParse_TimeoutByName(t *testing.T) {
	d := parse(t, `use: {timeouts: {short: {after: {seconds: 5}}, computed: {after: '${ $input.limit }'}}}
timeout: short
do:
  - a: {timeout: computed, wait: P1W}
`)
	equal(t, 5*time.Second, d.Timeout.After.Fixed)
	equal(t, "${ $input.limit }", d.Do[0].Timeout.After.Dynamic.Source())
	equal(t, 7*24*time.Hour, body[*Wait](t, d.Do[0]).For.Fixed)
}

// TestParse_IsImmutable evaluates what Parse compiled and looks for traces of it.
func TestParse_IsImmutable(t *testing.T) {
	text := "input: {from: '{a: .}'}\ndo: [{a: {set: {x: '${ . }', y: [1, {z: 2}]}, metadata: {m: [1]}}}]\n"
	d, untouched := parse(t, text), parse(t, text)
	for range 3 {
		out, err := body[*Set](t, d.Do[0]).Value.Evaluate(map[string]any{"q": 1}, expression.Env{})
		if err != nil {
			t.Fatal(err)
		}
		out.(map[string]any)["y"].([]any)[0] = "changed"
		if _, err := d.Input.From.Evaluate("in", expression.Env{}); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, untouched.Raw, d.Raw)
	equal(t, constant2(t, untouched), constant2(t, d))
}

func constant2(t *testing.T, d *Definition) any {
	t.Helper()
	out, err := body[*Set](t, d.Do[0]).Value.Evaluate(nil, expression.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestParse_SourceIsCopied shows that the caller may reuse its buffer.
func TestParse_SourceIsCopied(t *testing.T) {
	text := []byte(head + "do: []\n")
	d, err := Parse("flow.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	text[0] = 'X'
	equal(t, byte('d'), d.Source[0])
}

func TestParse_Bounds(t *testing.T) {
	for name, c := range map[string]struct{ text, rule string }{
		"size":     {head + "do: []\n#" + strings.Repeat("x", maxSource), "syntax.size"},
		"depth":    {head + "do: []\nx: " + strings.Repeat("[", 300) + strings.Repeat("]", 300), "syntax.depth"},
		"deeper":   {head + "do: []\nx: " + strings.Repeat("[", 50_000), "syntax.yaml"},
		"json":     {`{"x": ` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + "}", "syntax.depth"},
		"encoding": {head + "do: []\nx: \xff\n", "syntax.encoding"},
		"digits":   {head + "do: [{a: {set: {x: " + strings.Repeat("9", 500) + "}}}]\n", "syntax.number"},
	} {
		_, findings := Check("flow.yaml", []byte(c.text))
		if len(findings) != 1 || findings[0].Rule != c.rule {
			t.Errorf("%s: %v", name, findings)
		}
	}
}

// TestParse_LabelEndsWithItsLine guards against a pattern that lets a last line
// break pass.
func TestParse_LabelEndsWithItsLine(t *testing.T) {
	_, err := Parse("flow.yaml", []byte("document: {dsl: 1.0.3, namespace: test, name: \"sample\\n\", version: 1.0.0}\ndo: []\n"))
	if err == nil {
		t.Error("a name with a line break was accepted")
	}
}
