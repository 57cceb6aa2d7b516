package policies

import (
	"reflect"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"lazaret.dev/lazaret/sandbox/egress"
)

// policyTest is one expectation of the document about itself.
type policyTest struct {
	name     string
	at       place
	identity Identity
	signedBy string
	expect   []expectation
}

// expectation is one value that a test expects.
type expectation struct {
	kind string // expect, allow, deny
	key  string
	want any
	at   place
}

// TestResult is what became of one test of a document.
type TestResult struct {
	Name   string `json:"name"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Passed bool   `json:"passed"`
	// Definition is the namespace/name that the test is about, Denies how often it says
	// what that must not do.
	Definition string        `json:"definition"`
	Denies     int           `json:"denies,omitempty"`
	Failures   []TestFailure `json:"failures,omitempty"`
}

// TestFailure is one expectation that does not hold.
type TestFailure struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

var (
	testKeys  = []string{"name", "given", "expect", "allow", "deny"}
	givenKeys = []string{"namespace", "name", "version", "digest", "labels", "signedBy"}
	// askable are what allow and deny may ask for.
	askable = []string{"egress", "calls", "sources", "secrets", "python", "packages", "versions", "libvirt", "shares", "emit", "listen"}
)

func (r *documentReader) testList(p *Policy, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.fail(placeOf(n), "policy.type", "", "tests must be a list")
		return
	}
	for _, item := range n.Content {
		entries := r.object(item, "a test", testKeys)
		t := policyTest{at: placeOf(item)}
		if name := lookup(entries, "name"); name != nil {
			t.name, _ = r.text(name, "name")
		}
		if given := lookup(entries, "given"); given != nil {
			r.given(&t, given)
		} else {
			r.fail(placeOf(item), "policy.missing", "say given: {namespace: …, name: …}", "a test does not say about which definition it is")
		}
		r.expectations(&t, entries)
		if t.name == "" {
			t.name = t.identity.String()
		}
		if len(t.expect) == 0 {
			r.fail(placeOf(item), "policy.missing", "say expect, allow or deny", "test %q expects nothing", clip(t.name))
		}
		p.tests = append(p.tests, t)
	}
}

func (r *documentReader) given(t *policyTest, n *yaml.Node) {
	entries := r.object(n, "given", givenKeys)
	for _, field := range []struct {
		key  string
		into *string
	}{
		{"namespace", &t.identity.Namespace},
		{"name", &t.identity.Name},
		{"version", &t.identity.Version},
		{"digest", &t.identity.Digest},
		{"signedBy", &t.signedBy},
	} {
		if value := lookup(entries, field.key); value != nil {
			*field.into, _ = r.text(value, field.key)
			if field.key == "signedBy" {
				r.knownSigner(value, t.signedBy)
			}
		}
	}
	if labels := lookup(entries, "labels"); labels != nil {
		t.identity.Labels = map[string]string{}
		for _, e := range r.object(labels, "labels", nil) {
			t.identity.Labels[e.key.Value], _ = r.text(e.value, "a label")
		}
	}
}

func (r *documentReader) expectations(t *policyTest, entries []entry) {
	if expect := lookup(entries, "expect"); expect != nil {
		values := r.flatten(r.object(expect, "expect", append([]string{"rule"}, settingNames()...)))
		for _, key := range append([]string{"rule"}, settingKeys()...) {
			n, ok := values[key]
			if !ok {
				continue
			}
			if key == "rule" {
				var name string
				if n.ShortTag() == "!!null" || n.Decode(&name) == nil {
					t.expect = append(t.expect, expectation{"expect", key, name, placeOf(n)})
				}
				continue
			}
			s := findSetting(key)
			if value, ok := s.read(r, n); ok {
				e, _ := LevelDefaults(Maximum)
				e.Notify = nil
				s.apply(&e, value)
				t.expect = append(t.expect, expectation{"expect", key, s.show(e), placeOf(n)})
			}
		}
	}
	for _, kind := range []string{"allow", "deny"} {
		n := lookup(entries, kind)
		if n == nil {
			continue
		}
		for _, e := range r.object(n, kind, askable) {
			texts, nodes, _ := r.texts(e.value, e.key.Value)
			for i, text := range texts {
				t.expect = append(t.expect, expectation{kind, e.key.Value, text, placeOf(nodes[i])})
			}
		}
	}
}

func settingKeys() []string {
	keys := make([]string, len(settings))
	for i, s := range settings {
		keys[i] = s.key
	}
	return keys
}

// Test holds the document against the tests in it, in their order.
func (p *Policy) Test() []TestResult {
	results := []TestResult{}
	for _, t := range p.tests {
		result := TestResult{Name: t.name, File: p.File, Line: t.at.line, Column: t.at.column, Definition: t.identity.Namespace + "/" + t.identity.Name}
		e := p.decideFor(t)
		for _, x := range t.expect {
			if x.kind == "deny" {
				result.Denies++
			}
			if message := x.check(p, e, t); message != "" {
				result.Failures = append(result.Failures, TestFailure{x.at.line, x.at.column, message})
			}
		}
		result.Passed = len(result.Failures) == 0
		results = append(results, result)
	}
	return results
}

// decideFor is what holds for a test's definition. A test says who has signed it;
// that a signature fits is what signatures' own tests are about.
func (p *Policy) decideFor(t policyTest) Effective {
	trusting := &Policy{File: p.File, Digest: p.Digest, Contacts: p.Contacts, rules: p.rules, otherwise: p.otherwise}
	id := t.identity
	if t.signedBy != "" {
		id.Signature = t.signedBy
		trusting.assumed = t.signedBy
	}
	return trusting.decide(id).effective
}

func (x expectation) check(p *Policy, e Effective, t policyTest) string {
	switch {
	case x.key == "rule" && x.kind == "expect":
		if e.Rule != x.want {
			return "rule is " + shown(e.Rule) + ", expected " + shown(x.want) + because(e)
		}
		return ""
	case x.kind == "expect":
		if got := findSetting(x.key).show(e); !reflect.DeepEqual(got, x.want) {
			return x.key + " is " + shown(got) + ", expected " + shown(x.want) + because(e)
		}
		return ""
	}
	allowed := p.permits(t.identity, x.key, x.want.(string)) || e.permits(x.key, x.want.(string), t.signedBy)
	switch {
	case x.kind == "allow" && !allowed:
		return x.key + " " + strconv.Quote(x.want.(string)) + " is denied, expected to be allowed" + because(e)
	case x.kind == "deny" && allowed:
		return x.key + " " + strconv.Quote(x.want.(string)) + " is allowed, expected to be denied" + because(e)
	}
	return ""
}

func because(e Effective) string {
	switch {
	case e.Because != "":
		return "; " + e.Because
	case e.Rule != "":
		return "; rule " + strconv.Quote(e.Rule) + " decided"
	}
	return "; no rule fits"
}

// permits answers what allow and deny ask of types of events, about which rules of
// their own decide.
func (p *Policy) permits(id Identity, what, eventType string) bool {
	if p.Events == nil {
		return false
	}
	name := id.Namespace + "/" + id.Name
	switch what {
	case "emit":
		verdict, _ := p.Events.JudgeSender(name, eventType)
		return verdict.Check == ""
	case "listen":
		verdict, _ := p.Events.JudgeListener(name, eventType)
		return verdict.Check == ""
	}
	return false
}

// permits answers what allow and deny ask of all else.
func (e Effective) permits(what, name, signer string) bool {
	switch what {
	case "egress":
		return Reaches(e.Egress, name)
	case "calls":
		return Reaches(e.Calls, name)
	case "sources":
		return Reaches(e.Sources, name)
	case "secrets":
		return e.Secrets.Match(name)
	case "python":
		return e.Python.Allow.Cover(name)
	case "packages":
		return e.Python.Packages.Match(name)
	case "versions":
		return e.Python.Versions.Match(name)
	case "libvirt":
		return e.Libvirt.knows(signer) && (slices.Contains(e.Libvirt.Allow, name) ||
			e.Libvirt.Dangerous.Acknowledged && slices.Contains(e.Libvirt.Dangerous.Allow, name))
	case "shares":
		return slices.Contains(e.Shares, name)
	}
	return false
}

// Reaches says whether rules permit a host, written as a rule: host or host:port.
func Reaches(rules []egress.Rule, host string) bool {
	asked, err := egress.ParseRule(host)
	return err == nil && slices.ContainsFunc(rules, func(rule egress.Rule) bool { return rule.Covers(asked) })
}
