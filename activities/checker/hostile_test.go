package checker

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// TestHostile: a script made to break its checker is refused, or is harmless and
// passes; the checker ends either way, and the scripts beside it get their facts.
func TestHostile(t *testing.T) {
	t.Parallel()
	lines := func(n int, line string) string { return strings.Repeat(line+"\n", n) }
	for name, test := range map[string]struct{ source, want string }{
		"parentheses":      {strings.Repeat("(", 100_000), "script.syntax"},
		"attributes":       {"a" + strings.Repeat(".b", 100_000), "script.complexity"},
		"sums":             {"a" + strings.Repeat("+a", 100_000), "script.complexity"},
		"negations":        {strings.Repeat("not ", 50_000) + "1", "script.complexity"},
		"elif":             {"if 1: pass\n" + lines(2000, "elif 1: pass"), "script.complexity"},
		"statements":       {lines(60_000, "x = 1"), "script.complexity"},
		"aliases":          {lines(30_000, "f = eval"), "script.complexity"},
		"f-string":         {`x = f"` + strings.Repeat("{a}", 20_000) + `"`, ""},
		"text":             {`x = "` + strings.Repeat("a", 1_000_000) + `"`, ""},
		"constant bombs":   {"x = 'a' * 10**9\ny = 9**9**9\nz = [0] * 10**10\nw = '%1000000000d' % 1\nv = f'{1:1000000000}'", ""},
		"nested lists":     {"a = [eval]\n" + lines(2000, "a = [a, a, a, a]"), "script.function"},
		"findings":         {lines(8000, "getattr(x, y)"), "script.attribute.dynamic"},
		"NUL":              {"print(1)\x00", "script.nul"},
		"not UTF-8":        {"x = '\xff'", "script.encoding"},
		"another encoding": {"#!/usr/bin/python\n# vim: set fileencoding=utf-16 :\n", "script.encoding"},
		"direction marks":  {"x = 1 # \u202e 2 = x", "script.bidi"},
		"too large":        {strings.Repeat("#", MaxSource+1), "script.size"},
		"just large":       {strings.Repeat("#", MaxSource), ""},
		"empty":            {"", ""},
		"the answer":       {`print('{"script":0,"findings":[]}')`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			facts, err := newChecker(t).Facts(t.Context(), []Script{{Source: test.source}, {Source: "eval('1')"}})
			require.NoError(t, err)
			refused := Refused(Terms{Level: policies.Maximum}.Judge(facts[0]))
			if test.want == "" {
				assert.Empty(t, refused)
			} else if assert.NotEmpty(t, refused) {
				// A slow machine's limit is the clock, which refuses as well.
				assert.Contains(t, []string{test.want, "script.checker"}, refused[0].Rule)
			}
			assert.Equal(t, "script.function", facts[1].Findings[0].Rule)
		})
	}
}

// answering is a sandbox whose program says what the test wants.
type answering struct {
	results []sandbox.Result
	runs    int
}

func (a *answering) Run(context.Context, sandbox.Spec) (sandbox.Result, error) {
	a.runs++
	r := a.results[0]
	a.results = a.results[min(1, len(a.results)-1):]
	return r, nil
}

const clean = `{"script":0,"findings":[],"asked":{}}` + "\n"

// TestChecker_Ends: however the program ends, a script without an answer is
// refused, and only a machine in trouble is an error.
func TestChecker_Ends(t *testing.T) {
	scripts := []Script{{Source: "a = 1"}, {Source: "b = 1"}}
	for name, test := range map[string]struct {
		results []sandbox.Result
		want    []string
		err     string
	}{
		"killed at the second": {[]sandbox.Result{{Outcome: sandbox.Signalled, Signal: 27, Stdout: []byte(clean)}}, []string{"", "script.checker"}, ""},
		"killed at the first":  {[]sandbox.Result{{Outcome: sandbox.MemoryLimit}, {Outcome: sandbox.Completed, Stdout: []byte(clean)}}, []string{"script.checker", ""}, ""},
		"denied":               {[]sandbox.Result{{Outcome: sandbox.Denied}}, []string{"script.checker", "script.checker"}, ""},
		"nonsense":             {[]sandbox.Result{{Outcome: sandbox.Completed, Stdout: []byte("{}\n")}}, []string{"script.checker", "script.checker"}, ""},
		"too slow":             {[]sandbox.Result{{Outcome: sandbox.TimedOut}}, nil, "the script was not checked: its sandbox ended as timed-out"},
		"sandbox broken":       {[]sandbox.Result{{Outcome: sandbox.SandboxError}}, nil, "the script was not checked: its sandbox ended as sandbox-error"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Checker{Runner: &answering{results: test.results}, Python: "/usr/bin/python3"}
			facts, err := c.Facts(t.Context(), scripts)
			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			for i, want := range test.want {
				if want == "" {
					require.Empty(t, facts[i].Findings)
				} else {
					require.Equal(t, want, facts[i].Findings[0].Rule)
				}
			}
		})
	}
}

// TestChecker_Remembers: the second look at a script runs nothing; another
// script, other arguments that matter, or other names asked for do.
func TestChecker_Remembers(t *testing.T) {
	program := &answering{results: []sandbox.Result{{Outcome: sandbox.Completed, Stdout: []byte(clean)}}}
	c := Checker{Runner: program, Python: "/usr/bin/python3"}
	for i, test := range []struct {
		script Script
		runs   int
	}{
		{Script{Source: "x"}, 1},
		{Script{Source: "x"}, 1},
		{Script{Source: "x", Arguments: []string{"name"}}, 1},
		{Script{Source: "x", Arguments: []string{"input"}}, 2},
		{Script{Source: "y"}, 3},
	} {
		_, err := c.Facts(t.Context(), []Script{test.script})
		require.NoError(t, err)
		require.Equal(t, test.runs, program.runs, i)
	}
}

// FuzzDecode: whatever a program says, decode neither fails nor lets through
// what is not a finding of ours.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(clean))
	f.Add([]byte(`{"script":0,"findings":[{"rule":"script.shell","subject":"os.system","line":1,"column":1,"import":false,"message":"m","snippetHash":"0123456789abcdef"}],"asked":{}}` + "\n"))
	f.Add([]byte(`{"script":1}` + "\n" + `{"script":0}`))
	f.Add([]byte("null\n[]\n"))
	scripts := []Script{{Source: "a"}, {Source: "b"}}
	f.Fuzz(func(t *testing.T, output []byte) {
		facts, err := decode(output, scripts)
		if err != nil {
			return
		}
		if len(facts) > len(scripts) {
			t.Fatalf("%d facts", len(facts))
		}
		for _, fact := range facts {
			for _, finding := range fact.Findings {
				_, known := policies.FindScriptRule(finding.Rule)
				if !known || finding.Line < 1 || finding.Column < 1 || strings.ContainsAny(finding.Message+finding.Subject, "\n\x1b") {
					t.Fatalf("%+v", finding)
				}
			}
		}
	})
}

// BenchmarkFirst is a script never seen before, BenchmarkCached one that was.
func BenchmarkFirst(b *testing.B) {
	c := newChecker(b)
	for i := range b.N {
		source := settlement + strings.Repeat("#", i)
		if _, err := c.Facts(b.Context(), []Script{{Source: source}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCached(b *testing.B) {
	c := newChecker(b)
	terms := Terms{Level: policies.Maximum}
	for b.Loop() {
		facts, err := c.Facts(b.Context(), []Script{{Source: settlement}})
		if err != nil {
			b.Fatal(err)
		}
		terms.Judge(facts[0])
	}
}

const settlement = `
import json
from decimal import Decimal

total = {}
for record in records:
    total.setdefault(record["merchant"], Decimal(0))
    total[record["merchant"]] += Decimal(record["amount"])
print(json.dumps({k: str(v) for k, v in total.items()}))
`
