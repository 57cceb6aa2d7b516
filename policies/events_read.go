package policies

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed events.schema.json
var eventSchema []byte

// EventSchema is the JSON Schema of a rules document.
func EventSchema() []byte { return bytes.Clone(eventSchema) }

// maxRulesText bounds a rules document, in bytes.
const maxRulesText = 1 << 20

// RulesError is what is wrong with a rules document, and where; lines and
// columns count from 1.
type RulesError struct {
	File         string
	Line, Column int
	Reason       string
}

func (e *RulesError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Reason)
}

// eventDocument is a rules document as it is written.
type eventDocument struct {
	Rate    *rateDocument `yaml:"rate"`
	MaxSize int           `yaml:"maxSize"`
	Queue   int           `yaml:"queue"`
	Rules   []struct {
		Name     string        `yaml:"name"`
		Source   string        `yaml:"source"`
		Target   string        `yaml:"target"`
		Types    []string      `yaml:"types"`
		Priority int           `yaml:"priority"`
		MaxSize  int           `yaml:"maxSize"`
		Rate     *rateDocument `yaml:"rate"`
		Unsafe   bool          `yaml:"unsafe"`
		Disabled bool          `yaml:"disabled"`
	} `yaml:"rules"`
	Filters []filterDocument `yaml:"filters"`
	Sinks   []struct {
		Name     string   `yaml:"name"`
		URL      string   `yaml:"url"`
		Source   string   `yaml:"source"`
		Types    []string `yaml:"types"`
		Mode     string   `yaml:"mode"`
		Hosts    []string `yaml:"privateNetworks"`
		TokenEnv string   `yaml:"tokenFrom"`
		Unsafe   bool     `yaml:"unsafe"`
	} `yaml:"sinks"`
}

type rateDocument struct {
	Limit  int    `yaml:"limit"`
	Window string `yaml:"window"`
}

// ReadEventRules reads a rules document (YAML or JSON); name stands in errors as
// the file. The error is a *RulesError.
func ReadEventRules(name string, text []byte) (EventRules, error) {
	r := rulesReader{file: name}
	if len(text) > maxRulesText {
		return EventRules{}, r.wrong(nil, "%d bytes, over the limit of %d", len(text), maxRulesText)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return EventRules{}, r.wrong(nil, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(root.Content) == 0 {
		return EventRules{}, r.wrong(nil, "the document is empty; give it rules")
	}
	r.root = root.Content[0]
	if err := r.validate(); err != nil {
		return EventRules{}, err
	}
	var d eventDocument
	if err := r.root.Decode(&d); err != nil {
		return EventRules{}, r.wrong(r.root, "%s", err)
	}
	return r.rules(d)
}

type rulesReader struct {
	file string
	root *yaml.Node
}

func (r rulesReader) wrong(at *yaml.Node, format string, args ...any) error {
	e := &RulesError{File: r.file, Line: 1, Column: 1, Reason: fmt.Sprintf(format, args...)}
	if at != nil {
		e.Line, e.Column = at.Line, at.Column
	}
	return e
}

func (r rulesReader) validate() error {
	var value any
	if err := r.root.Decode(&value); err != nil {
		return r.wrong(r.root, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	text, err := json.Marshal(value)
	if err != nil {
		return r.wrong(r.root, "not a JSON document: %s", err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return r.wrong(r.root, "%s", err)
	}
	var invalid *jsonschema.ValidationError
	if err := eventValidator.Validate(instance); errors.As(err, &invalid) {
		for len(invalid.Causes) > 0 {
			invalid = invalid.Causes[0]
		}
		return r.wrong(r.at(invalid.InstanceLocation...), "/%s: %s", strings.Join(invalid.InstanceLocation, "/"),
			invalid.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
	}
	return nil
}

var eventValidator = compileEventSchema()

func compileEventSchema() *jsonschema.Schema {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(eventSchema))
	compiler := jsonschema.NewCompiler()
	if err == nil {
		err = compiler.AddResource("lazaret:event-rules", document)
	}
	if err != nil {
		panic(err) // the schema is part of the program
	}
	return compiler.MustCompile("lazaret:event-rules")
}

// at is the node at a path of keys and indexes, or the last that is there.
func (r rulesReader) at(path ...string) *yaml.Node {
	node := r.root
	for _, step := range path {
		inner := member(node, step)
		if inner == nil {
			break
		}
		node = inner
	}
	return node
}

func member(node *yaml.Node, step string) *yaml.Node {
	if node.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(step); err == nil && i < len(node.Content) {
			return node.Content[i]
		}
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == step {
			return node.Content[i+1]
		}
	}
	return nil
}

func (r rulesReader) rules(d eventDocument) (EventRules, error) {
	rules := EventRules{
		Rate:    EventRate{DefaultEventLimit, DefaultEventWindow},
		MaxSize: DefaultEventSize,
		Queue:   DefaultEventQueue,
	}
	var err error
	if d.Rate != nil {
		if rules.Rate, err = r.rate(d.Rate, "rate"); err != nil {
			return rules, err
		}
	}
	if d.MaxSize > 0 {
		rules.MaxSize = d.MaxSize
	}
	if d.Queue > 0 {
		rules.Queue = d.Queue
	}
	names := map[string]bool{}
	for i, written := range d.Rules {
		index := strconv.Itoa(i)
		rule := EventRule{
			Name: written.Name, Source: written.Source, Target: written.Target, Types: written.Types,
			Priority: written.Priority, MaxSize: written.MaxSize, Unsafe: written.Unsafe, Disabled: written.Disabled,
		}
		if rule.Name == "" {
			rule.Name = fmt.Sprintf("rule %d", i+1)
		}
		if names[rule.Name] {
			return rules, r.wrong(r.at("rules", index, "name"), "a second rule is named %q", rule.Name)
		}
		names[rule.Name] = true
		if written.Rate != nil {
			if rule.Rate, err = r.rate(written.Rate, "rules", index, "rate"); err != nil {
				return rules, err
			}
		}
		if err := r.types(rule.Types, rule.Unsafe, "rules", index); err != nil {
			return rules, err
		}
		rules.Rules = append(rules.Rules, rule)
	}
	if rules.Filters, err = r.filters(d.Filters); err != nil {
		return rules, err
	}
	for i, written := range d.Sinks {
		index := strconv.Itoa(i)
		sink := EventSink{
			Name: written.Name, URL: written.URL, Source: written.Source, Types: written.Types, Binary: written.Mode == "binary",
			Hosts: written.Hosts, TokenEnv: written.TokenEnv, Unsafe: written.Unsafe,
		}
		if names[sink.Target()] {
			return rules, r.wrong(r.at("sinks", index, "name"), "a second sink is named %q", sink.Name)
		}
		names[sink.Target()] = true
		if err := r.types(sink.Types, sink.Unsafe, "sinks", index); err != nil {
			return rules, err
		}
		if err := checkSinkURL(sink.URL); err != "" {
			return rules, r.wrong(r.at("sinks", index, "url"), "%s", err)
		}
		rules.Sinks = append(rules.Sinks, sink)
	}
	return rules, nil
}

func checkSinkURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return "not the URL of a host"
	case u.User != nil:
		return "a URL with a user name or password; use tokenFrom"
	case u.Scheme != "https" && u.Scheme != "http":
		return "the scheme must be https, or http inside your network"
	}
	return ""
}

// types refuses what permits every type, unless the rule says that it means to
// (A37), and a star elsewhere than at the end.
func (r rulesReader) types(types []string, unsafe bool, path ...string) error {
	for i, pattern := range types {
		at := r.at(append(path, "types", strconv.Itoa(i))...)
		switch {
		case pattern == "*" && !unsafe:
			return r.wrong(at, `"*" permits every type; list the types, or say unsafe: true`)
		case pattern != "*" && strings.Contains(strings.TrimSuffix(pattern, ".*"), "*"):
			return r.wrong(at, "%q: a * stands only at the end, after a dot", clip(pattern))
		}
	}
	return nil
}

func (r rulesReader) rate(d *rateDocument, path ...string) (EventRate, error) {
	rate := EventRate{Limit: d.Limit, Window: DefaultEventWindow}
	if d.Window == "" {
		return rate, nil
	}
	window, err := time.ParseDuration(d.Window)
	if err != nil || window < time.Millisecond || window > 24*time.Hour {
		return rate, r.wrong(r.at(append(path, "window")...), "%q is no duration such as 1s or 10m, of 24h at most", clip(d.Window))
	}
	rate.Window = window
	return rate, nil
}
