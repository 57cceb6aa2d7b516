package policies_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

// someValues are values for each setting, among which documents are drawn.
var someValues = map[string][]string{
	"level":         {"maximum", "strict", "standard", "minimal"},
	"egress":        {"[]", "[api.example.com]", `["*.example.com"]`, `["*"]`, "[10.1.0.0/16]", "[10.1.2.0/24]"},
	"calls":         {"[]", "[api.example.com]", `["api.example.com:443"]`},
	"limits":        {"{memory: 64MiB}", "{memory: 1GiB}", "{cpu: 0.5}", "{cpu: 2}", "{time: 1m, processes: 3}", "{output: 4MiB}", "{traffic: 1GiB}", "{traffic: 4KiB, connections: 3}", "{traffic: unlimited}", "{bandwidth: 1MiB}", "{bandwidth: unlimited, connections: 100}", "{scratch: 128MiB}"},
	"secrets":       {"[]", "[a]", "[a, b]", `["a*"]`, `["*"]`},
	"shares":        {"[/srv]", "[/srv/data]"},
	"python":        {"{allow: [subprocess]}", "{allow: [subprocess.run]}", "{packages: []}", "{versions: ['3.12']}", "{requirements: true}"},
	"anomaly":       {"{watch: false}", "{least: 5}", "{factor: 2}", "{severity: Critical}", "{severity: Low, learn: 9}"},
	"thresholds":    {"{violations: 1}", "{violations: 7}", "{decay: 1d}", "{decay: 30d}", "{alertOnly: true}", "{watch: 2}"},
	"review":        {"{authorMayRelease: true}", "{reviewers: [ada]}", "{reviewers: [ada, grace]}"},
	"libvirt":       {"{readonly: true}", "{allowed_operations: [domain.start]}", "{allowed_operations: []}", "{timeout: 5}"},
	"require":       {"{signer: [s]}", "{signer: [s, t]}"},
	"allowDegraded": {"[landlock]", "[landlock, cgroup-cpu]"},
}

// TestRead_OnlyNarrows: of documents drawn at random, in those that are accepted no
// rule permits anything that what it extends does not; many are accepted, many are
// not.
func TestRead_OnlyNarrows(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	keys := []string{}
	for key := range someValues {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	body := func(most int) string {
		var b strings.Builder
		for _, key := range keys {
			if random.IntN(len(keys)) < most {
				values := someValues[key]
				fmt.Fprintf(&b, "    %s: %s\n", key, values[random.IntN(len(values))])
			}
		}
		return b.String()
	}
	accepted, refused := 0, 0
	for range 4000 {
		text := "policy: 1\nsigners:\n  s: " + someKey(1) + "\n  t: " + someKey(2) + "\nbases:\n  a:\n    level: minimal\n"
		text = strings.TrimSuffix(text, "    level: minimal\n") + "    extends: z\n" + body(3)
		text = strings.Replace(text, "bases:\n", "bases:\n  z:\n    level: minimal\n    egress: ['*', 10.0.0.0/8]\n    secrets: ['*']\n    shares: [/srv]\n    thresholds: {decay: 1d}\n", 1)
		text += "rules:\n  - match: {namespace: p}\n    extends: a\n  - match: {namespace: c}\n    extends: a\n" + body(2)
		p, err := policies.Read("p.yaml", []byte(text), readOptions)
		if err != nil {
			refused++
			continue
		}
		accepted++
		signed := func(ns string) policies.Explanation {
			return p.Explain(policies.Identity{Namespace: ns, Name: "x", Digest: "d", Signature: policies.Sign(somePrivate(1), "d", time.Time{})})
		}
		parent, child := signed("p"), signed("c")
		require.Empty(t, parent.Because)
		requireNarrower(t, text, effectiveOf(p, "c"), effectiveOf(p, "p"))
		require.Len(t, child.Settings, len(parent.Settings))
	}
	require.Greater(t, accepted, 200)
	require.Greater(t, refused, 200)
}

func effectiveOf(p *policies.Policy, namespace string) policies.Effective {
	return p.For(policies.Identity{Namespace: namespace, Name: "x", Digest: "d", Signature: policies.Sign(somePrivate(1), "d", time.Time{})})
}

// requireNarrower says by hand, and not by the table, what narrower is.
func requireNarrower(t *testing.T, text string, child, parent policies.Effective) {
	t.Helper()
	require.GreaterOrEqual(t, child.Level, parent.Level, text)
	require.LessOrEqual(t, child.Limits.Memory, parent.Limits.Memory, text)
	require.LessOrEqual(t, child.Limits.Wall, parent.Limits.Wall, text)
	require.LessOrEqual(t, child.Limits.Processes, parent.Limits.Processes, text)
	require.LessOrEqual(t, child.Limits.Stdout, parent.Limits.Stdout, text)
	require.LessOrEqual(t, child.Limits.Stderr, parent.Limits.Stderr, text)
	require.LessOrEqual(t, child.Scratch, parent.Scratch, text)
	require.False(t, parent.Limits.CPU > 0 && (child.Limits.CPU == 0 || child.Limits.CPU > parent.Limits.CPU), text)
	require.LessOrEqual(t, endless(child.Carried.Bytes), endless(parent.Carried.Bytes), text)
	require.LessOrEqual(t, endless(child.Carried.Rate), endless(parent.Carried.Rate), text)
	require.LessOrEqual(t, child.Carried.Connections, parent.Carried.Connections, text)
	require.LessOrEqual(t, child.Thresholds.After, parent.Thresholds.After, text)
	require.False(t, parent.Thresholds.Automatic && !child.Thresholds.Automatic, text)
	require.False(t, parent.Python.Requirements == false && child.Python.Requirements, text)
	require.False(t, !parent.Review.AuthorMayRelease && child.Review.AuthorMayRelease, text)
	for _, host := range []string{"api.example.com:443", "api.example.com:80", "a.b.example.com:443", "other.org:443", "10.1.2.3:443", "10.1.9.9:80", "10.7.0.1:443"} {
		require.False(t, policies.Reaches(child.Egress, host) && !policies.Reaches(parent.Egress, host), "%s: %s", host, text)
		require.False(t, policies.Reaches(child.Calls, host) && !policies.Reaches(parent.Calls, host), "%s: %s", host, text)
	}
	for _, name := range []string{"a", "b", "ab", "zz"} {
		require.False(t, child.Secrets.Match(name) && !parent.Secrets.Match(name), "%s: %s", name, text)
		require.False(t, child.Python.Packages.Match(name) && !parent.Python.Packages.Match(name), text)
	}
	for _, name := range []string{"subprocess", "subprocess.run", "subprocess.Popen"} {
		require.False(t, child.Python.Allow.Cover(name) && !parent.Python.Allow.Cover(name), "%s: %s", name, text)
	}
	for _, operation := range readOptions.Operations {
		question := policies.LibvirtQuestion{Operation: operation, Caller: "task"}
		require.False(t, child.Libvirt.Judge(question).Allowed && !parent.Libvirt.Judge(question).Allowed, "%s: %s", operation.Name, text)
	}
}

func endless(bytes int64) int64 {
	if bytes == 0 {
		return math.MaxInt64
	}
	return bytes
}

// FuzzRead: whatever a document holds, it is read whole or refused with a place, and
// what it says of any definition is within what its level lets an operator give.
func FuzzRead(f *testing.F) {
	f.Add([]byte("policy: 1\nrules: [{match: {namespace: a}, level: strict, egress: [x.example.com]}]"))
	f.Add([]byte("policy: 1\nbases: {b: {level: minimal}}\nrules: [{match: {name: 'a*', version: '>=1.0.0 <2.0.0', labels: {a: b}, digest: sha256:00}, extends: b}]\ntests: [{given: {name: a}, expect: {level: maximum}}]"))
	f.Add([]byte("policy: 1\nevents: {rules: [{source: a/b, target: c/d, types: [t]}]}\ntargets: {t: {type: exec, command: [/bin/true]}}\nsigners: {s: 'ed25519:'}"))
	f.Add([]byte("policy: 1\nrules:\n  - match: {namespace: '*'}\n    libvirt: {dangerous: {acknowledge: true, allowed_operations: [domain.delete], hostdev: true}}\n    limits: {memory: 9999999GiB, time: 1d}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := policies.Read("p.yaml", text, readOptions)
		if err != nil {
			var wrong *policies.DocumentError
			require.ErrorAs(t, err, &wrong)
			require.NotEmpty(t, wrong.Findings)
			for _, finding := range wrong.Findings {
				require.Positive(t, finding.Line)
				require.NotEmpty(t, finding.Message)
			}
			return
		}
		for _, id := range []policies.Identity{{}, {Namespace: "a", Name: "a", Version: "1.0.0", Labels: map[string]string{"a": "b"}}} {
			e := p.For(id)
			require.NotEmpty(t, p.Explain(id).Settings)
			require.Equal(t, e.Egress, policies.Openable(e.Level, e.Egress))
			require.Empty(t, e.At(policies.Maximum).Egress)
		}
		p.Test()
		p.Lint([]policies.Identity{{Namespace: "a"}})
	})
}

// BenchmarkPolicy is what a policy of 200 rules costs an activity.
func BenchmarkPolicy(b *testing.B) {
	var text strings.Builder
	text.WriteString("policy: 1\nsigners: {s: \"" + someKey(1) + "\"}\nrules:\n")
	for i := range 200 {
		fmt.Fprintf(&text, "  - {match: {namespace: n%d, name: \"report-*\"}, level: strict, egress: [api.example.com], limits: {memory: 64MiB}}\n", i)
	}
	p, err := policies.Read("p.yaml", []byte(text.String()), readOptions)
	require.NoError(b, err)
	id := policies.Identity{Namespace: "n199", Name: "report-x", Version: "1.0.0", Digest: strings.Repeat("a", 64), Labels: map[string]string{"a": "b"}}
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			p.For(id)
		}
	})
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			p.Explain(id)
		}
	})
	b.Run("signed", func(b *testing.B) {
		id.Signature = policies.Sign(somePrivate(1), id.Digest, time.Time{})
		for b.Loop() {
			p.Explain(id)
		}
	})
}
