package policies

import (
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
)

// setting is one thing that a rule may say: how it is written, what it changes,
// and when one value is no wider than another.
type setting struct {
	key   string // its path in a rule, such as limits.memory
	about string // for the documentation and the schema
	form  string // its JSON Schema
	read  func(*documentReader, *yaml.Node) (any, bool)
	apply func(*Effective, any)
	show  func(Effective) any
	// narrows says whether child permits no more than parent; nil: it permits
	// nothing, and may be anything.
	narrows func(child, parent Effective) bool
}

const levelKey = "level"

// Bounds of what a rule may give.
const (
	leastMemory     = 16 * mebibyte
	mostMemory      = 1024 * gibibyte
	mostScratch     = 64 * gibibyte
	mostOutput      = 64 * mebibyte
	leastTraffic    = 1 << 10
	mostTraffic     = 1024 * 1024 * gibibyte
	mostBandwidth   = 1024 * gibibyte
	mostConnections = 1024 // each takes two descriptors of the worker's
	// ShortestRun is the least that a time limit may be: no program does anything in less.
	ShortestRun = 100 * time.Millisecond
	// LongestRun bounds how long a program may run. It leaves the activity's own
	// timeout time to report.
	LongestRun = day
)

// settings are all, in the order in which they are documented and shown. It is
// filled when the program starts: what reads a setting looks others up in it.
var settings []*setting

func init() { //nolint:gochecknoinits // the table refers to itself
	settings = slices.Concat(levelSettings, networkSettings, limitSettings, pythonSettings, accessSettings, reactionSettings, anomalySettings, recoverySettings)
}

func findSetting(key string) *setting {
	i := slices.IndexFunc(settings, func(s *setting) bool { return s.key == key })
	if i < 0 {
		return nil
	}
	return settings[i]
}

var levelSettings = []*setting{{
	key: levelKey, about: "the sandbox level: maximum, strict, standard or minimal (default maximum)",
	form: `{"enum": ["maximum", "strict", "standard", "minimal"]}`,
	read: func(r *documentReader, n *yaml.Node) (any, bool) {
		name, ok := r.choice(n, levelKey, "maximum", "strict", "standard", "minimal")
		level, err := ParseLevel(name)
		return level, ok && err == nil
	},
	apply:   func(e *Effective, v any) { e.Level = v.(Level) },
	show:    func(e Effective) any { return e.Level.String() },
	narrows: func(child, parent Effective) bool { return child.Level >= parent.Level },
}, {
	key: "allowDegraded", about: "features of the sandbox that its programs may run without, as far as the level may",
	form: `{"type": "array", "items": {"type": "string"}}`,
	read: func(r *documentReader, n *yaml.Node) (any, bool) {
		names, nodes, ok := r.texts(n, "allowDegraded")
		for i, name := range names {
			if _, err := ParseDegradations([]string{name}); err != nil {
				r.wrong(nodes[i], r.nearest(name, Names(sandbox.Features())), "%q is no feature of the sandbox", clip(name))
				ok = false
			}
		}
		if !ok {
			return nil, false
		}
		d, err := ParseDegradations(names)
		return d, err == nil
	},
	apply:   func(e *Effective, v any) { e.AllowDegraded = v.(Degradations) },
	show:    func(e Effective) any { return Names(e.AllowDegraded) },
	narrows: func(child, parent Effective) bool { return within(child.AllowDegraded, parent.AllowDegraded) },
}, {
	key: "require.signer", about: "signers one of whom must have signed the definition; without, it gets level maximum and nothing else",
	form: `{"type": "array", "minItems": 1, "items": {"type": "string"}}`,
	read: func(r *documentReader, n *yaml.Node) (any, bool) {
		names, _, ok := r.texts(n, "require.signer")
		if ok && len(names) == 0 {
			r.wrong(n, "leave it out", "require.signer is empty")
			return nil, false
		}
		return names, ok
	},
	apply: func(e *Effective, v any) { e.Signers = v.([]string) },
	show:  func(e Effective) any { return list(e.Signers) },
	narrows: func(child, parent Effective) bool {
		return len(parent.Signers) == 0 || len(child.Signers) > 0 && within(child.Signers, parent.Signers)
	},
}}

var networkSettings = []*setting{
	hosts("egress", "hosts that its programs may reach, as far as the level opens any: host, host:port, *.host, or an address range",
		func(e *Effective) *[]egress.Rule { return &e.Egress }),
	hosts("calls", "hosts that its call tasks may reach, likewise",
		func(e *Effective) *[]egress.Rule { return &e.Calls }),
	hosts("sources", "hosts that its scripts and functions may be fetched from, over HTTPS",
		func(e *Effective) *[]egress.Rule { return &e.Sources }),
}

func hosts(key, about string, at func(*Effective) *[]egress.Rule) *setting {
	return &setting{
		key: key, about: about, form: `{"type": "array", "items": {"type": "string"}}`,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			texts, nodes, ok := r.texts(n, key)
			rules := make([]egress.Rule, len(texts))
			for i, text := range texts {
				rule, err := egress.ParseRule(text)
				if wrong, isRule := err.(*egress.RuleError); isRule && text != "" { //nolint:errorlint // it is documented to be one
					r.wrong(nodes[i], wrong.Remedy, "%s: %q: %s", key, clip(text), wrong.Reason)
					ok = false
				}
				rules[i] = rule
			}
			return rules, ok
		},
		apply: func(e *Effective, v any) { *at(e) = v.([]egress.Rule) },
		show: func(e Effective) any {
			texts := make([]string, len(*at(&e)))
			for i, rule := range *at(&e) {
				texts[i] = rule.String()
			}
			return texts
		},
		narrows: func(child, parent Effective) bool {
			return !slices.ContainsFunc(*at(&child), func(rule egress.Rule) bool {
				return !slices.ContainsFunc(*at(&parent), func(above egress.Rule) bool { return above.Covers(rule) })
			})
		},
	}
}

var limitSettings = []*setting{
	amount("limits.memory", "memory of a program, swap included", leastMemory, mostMemory, func(e *Effective) *int64 { return &e.Limits.Memory }),
	{
		key: "limits.cpu", about: "processors of a program; without, as many as the machine has", form: `{"type": "number", "minimum": 0.01, "maximum": 1024}`,
		read:  func(r *documentReader, n *yaml.Node) (any, bool) { return boxed(r.number(n, "limits.cpu", 0.01, 1024)) },
		apply: func(e *Effective, v any) { e.Limits.CPU = v.(float64) },
		show:  func(e Effective) any { return e.Limits.CPU },
		narrows: func(child, parent Effective) bool {
			return parent.Limits.CPU == 0 || child.Limits.CPU > 0 && child.Limits.CPU <= parent.Limits.CPU
		},
	},
	count("limits.processes", "processes and threads of a program", 1, 4096, func(e *Effective) *int64 { return &e.Limits.Processes }),
	{
		key: "limits.time", about: "how long a program may run", form: durationForm,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			return boxed(r.duration(n, "limits.time", ShortestRun, LongestRun))
		},
		apply:   func(e *Effective, v any) { e.Limits.Wall = v.(time.Duration) },
		show:    func(e Effective) any { return durationText(e.Limits.Wall) },
		narrows: func(child, parent Effective) bool { return child.Limits.Wall <= parent.Limits.Wall },
	},
	amount("limits.output", "what is kept of stdout, and of stderr", 1, mostOutput, func(e *Effective) *int64 { return &e.Limits.Stdout }),
	bound("limits.traffic", "bytes that a run may send to the hosts of egress and receive from them; then its connections end", leastTraffic, mostTraffic, func(e *Effective) *int64 { return &e.Carried.Bytes }),
	bound("limits.bandwidth", "bytes of that a second, all connections of a run together; faster ones are slowed down", leastTraffic, mostBandwidth, func(e *Effective) *int64 { return &e.Carried.Rate }),
	count("limits.connections", "connections that a run may have open to them at a time", 1, mostConnections, func(e *Effective) *int64 { return &e.Carried.Connections }),
	amount("limits.scratch", "the work space in /scratch, and in /tmp; levels maximum and strict have none", 0, mostScratch, func(e *Effective) *int64 { return &e.Scratch }),
}

const (
	durationForm = `{"type": "string", "pattern": "^[0-9.]+(ms|s|m|h|d)([0-9.]+(ms|s|m))*$"}`
	sizeForm     = `{"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB)$"}]}`
)

func amount(key, about string, least, most int64, at func(*Effective) *int64) *setting {
	s := count(key, about, least, most, at)
	s.form = sizeForm
	s.read = func(r *documentReader, n *yaml.Node) (any, bool) { return boxed(r.bytes(n, key, least, most)) }
	s.show = func(e Effective) any { return sizeText(*at(&e)) }
	return s
}

// unlimited is the word for a bound that there is not, which is 0 in an Effective.
const unlimited = "unlimited"

// bound is an amount that may be unlimited.
func bound(key, about string, least, most int64, at func(*Effective) *int64) *setting {
	s := amount(key, about, least, most, at)
	s.form = `{"anyOf": [{"type": "integer", "minimum": ` + strconv.FormatInt(least, 10) + `}, {"type": "string", "pattern": "^([0-9]+ ?(B|KiB|MiB|GiB)|` + unlimited + `)$"}]}`
	s.read = func(r *documentReader, n *yaml.Node) (any, bool) {
		if n.Kind == yaml.ScalarNode && n.Value == unlimited {
			return int64(0), true
		}
		before := len(r.findings)
		value, ok := r.bytes(n, key, least, most)
		if len(r.findings) > before {
			r.findings[before].Hint = "write it as 10MiB or 2GiB, or " + unlimited
		}
		return value, ok
	}
	s.show = func(e Effective) any { return boundText(*at(&e)) }
	s.narrows = func(child, parent Effective) bool {
		own, above := *at(&child), *at(&parent)
		return above == 0 || own > 0 && own <= above
	}
	return s
}

func boundText(bytes int64) string {
	if bytes == 0 {
		return unlimited
	}
	return sizeText(bytes)
}

func count(key, about string, least, most int64, at func(*Effective) *int64) *setting {
	return &setting{
		key: key, about: about, form: `{"type": "integer"}`,
		read: func(r *documentReader, n *yaml.Node) (any, bool) { return boxed(r.integer(n, key, least, most)) },
		apply: func(e *Effective, v any) {
			*at(e) = v.(int64)
			e.Limits.Stderr = e.Limits.Stdout
		},
		show:    func(e Effective) any { return *at(&e) },
		narrows: func(child, parent Effective) bool { return *at(&child) <= *at(&parent) },
	}
}

func boxed[T any](value T, ok bool) (any, bool) { return value, ok }

// within says whether each of some is among others.
func within[T comparable](some, others []T) bool {
	return !slices.ContainsFunc(some, func(s T) bool { return !slices.Contains(others, s) })
}

// list is never nil: what is shown is an empty list.
func list[S ~[]string](s S) []string { return append([]string{}, s...) }
