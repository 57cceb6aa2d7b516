package policies

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// filterDocument is a filter as it is written.
type filterDocument struct {
	Name        string   `yaml:"name"`
	Source      string   `yaml:"source"`
	Types       []string `yaml:"types"`
	Schema      any      `yaml:"schema"`
	Pattern     string   `yaml:"pattern"`
	Size        int      `yaml:"size"`
	Action      string   `yaml:"action"`
	Delay       string   `yaml:"delay"`
	Replacement string   `yaml:"replacement"`
}

const maxFilterDelay = 24 * time.Hour

func (r rulesReader) filter(d filterDocument, index string) (EventFilter, error) {
	f := EventFilter{
		Name: d.Name, Source: d.Source, Types: d.Types, Larger: d.Size, Action: FilterAction(d.Action), Instead: d.Replacement,
	}
	at := r.at("filters", index)
	looks := 0
	for _, written := range []bool{d.Schema != nil, d.Pattern != "", d.Size > 0} {
		if written {
			looks++
		}
	}
	switch {
	case looks > 1:
		return f, r.wrong(at, "%q: one of schema, pattern and size; write a filter for each", f.Name)
	case f.Action == SanitizeEvent && d.Pattern == "":
		return f, r.wrong(at, "%q: sanitize takes out what a pattern matches; give one", f.Name)
	case f.Action != SanitizeEvent && d.Replacement != "":
		return f, r.wrong(r.at("filters", index, "replacement"), "%q: only sanitize replaces", f.Name)
	case (f.Action == DelayEvent) != (d.Delay != ""):
		return f, r.wrong(at, "%q: action delay and a delay go together", f.Name)
	}
	if err := r.types(d.Types, true, "filters", index); err != nil {
		return f, err
	}
	var err error
	if d.Pattern != "" {
		if f.Pattern, err = regexp.Compile(d.Pattern); err != nil {
			return f, r.wrong(r.at("filters", index, "pattern"), "%s", err)
		}
	}
	if d.Schema != nil {
		if f.Schema, err = compileFilterSchema(d.Schema); err != nil {
			return f, r.wrong(r.at("filters", index, "schema"), "%s", err)
		}
	}
	if d.Delay != "" {
		if f.Delay, err = time.ParseDuration(d.Delay); err != nil || f.Delay < time.Millisecond || f.Delay > maxFilterDelay {
			return f, r.wrong(r.at("filters", index, "delay"), "%q is no duration such as 2s or 10m, of 24h at most", clip(d.Delay))
		}
	}
	return f, nil
}

// filters reads all of them.
func (r rulesReader) filters(all []filterDocument) ([]EventFilter, error) {
	var filters []EventFilter
	names := map[string]bool{}
	for i, d := range all {
		f, err := r.filter(d, strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		if names[f.Name] {
			return nil, r.wrong(r.at("filters", strconv.Itoa(i), "name"), "a second filter is named %q", f.Name)
		}
		names[f.Name] = true
		filters = append(filters, f)
	}
	return filters, nil
}

// nowhere loads nothing: a schema stands in the rules as a whole.
type nowhere struct{}

func (nowhere) Load(string) (any, error) {
	return nil, errors.New("a $ref leaves the schema; write it out")
}

func compileFilterSchema(value any) (*jsonschema.Schema, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, errors.New("not a JSON document")
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		return nil, err
	}
	const name = "lazaret:event-filter"
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(nowhere{})
	if err := compiler.AddResource(name, document); err != nil {
		return nil, err
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		return nil, errors.New(clipLine(err))
	}
	return schema, nil
}

// schemaReason is the first of what a value does not meet, without the value.
func schemaReason(err error) string {
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return clipLine(err)
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	path := clip("/" + strings.Join(invalid.InstanceLocation, "/"))
	keyword := strings.Join(invalid.ErrorKind.KeywordPath(), "/")
	if keyword == "" {
		keyword = clip(invalid.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
	}
	return path + ": " + keyword
}

// clipLine is an error as one bounded line.
func clipLine(err error) string {
	const limit = 300
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}
