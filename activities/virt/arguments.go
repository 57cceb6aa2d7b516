package virt

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Arguments are an operation's checked arguments: texts, int64, bool, objects
// (Arguments) and lists ([]any), with the defaults in place.
type Arguments map[string]any

// Has says whether there is such an argument.
func (a Arguments) Has(name string) bool { _, ok := a[name]; return ok }

// Text is a text argument, or empty.
func (a Arguments) Text(name string) string { s, _ := a[name].(string); return s }

// Int is a number argument, or zero.
func (a Arguments) Int(name string) int64 { n, _ := a[name].(int64); return n }

// Bool is a boolean argument, or false.
func (a Arguments) Bool(name string) bool { b, _ := a[name].(bool); return b }

// Object is an object argument, or nil.
func (a Arguments) Object(name string) Arguments { o, _ := a[name].(Arguments); return o }

// Objects is a list of objects, or nil.
func (a Arguments) Objects(name string) []Arguments {
	items, _ := a[name].([]any)
	objects := make([]Arguments, 0, len(items))
	for _, item := range items {
		if o, ok := item.(Arguments); ok {
			objects = append(objects, o)
		}
	}
	return objects
}

// Arguments checks what was given and fills in the defaults. Its error names the
// argument: disks[0].volume.
func (o Operation) Arguments(given map[string]any) (Arguments, error) {
	checked, err := object("", o.Parameters, given)
	if err != nil {
		return nil, Errorf(Invalid, "%s: %v", o.Name, err)
	}
	for _, rule := range o.Rules {
		if err := rule.Check(checked.Has); err != nil {
			return nil, Errorf(Invalid, "%s: %v", o.Name, err)
		}
	}
	return checked, nil
}

func object(path string, fields []Parameter, given map[string]any) (Arguments, error) {
	if unknown := unknownNames(fields, given); len(unknown) > 0 {
		return nil, fmt.Errorf("%s is no argument of it; it takes %s", path+preview(unknown[0]), namesOf(fields))
	}
	checked := Arguments{}
	for _, p := range fields {
		value, ok := given[p.Name]
		if !ok || value == nil {
			switch {
			case p.Required:
				return nil, fmt.Errorf("%s is missing: %s", path+p.Name, p.Text)
			case p.Default != nil:
				checked[p.Name] = p.Default
			}
			continue
		}
		into, err := p.value(path+p.Name, value)
		if err != nil {
			return nil, err
		}
		checked[p.Name] = into
	}
	return checked, nil
}

func unknownNames(fields []Parameter, given map[string]any) []string {
	known := map[string]bool{}
	for _, p := range fields {
		known[p.Name] = true
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(given)), func(name string) bool { return known[name] })
}

func namesOf(fields []Parameter) string {
	names := make([]string, len(fields))
	for i, p := range fields {
		names[i] = p.Name
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// value checks one argument and returns it in the form that Arguments have.
func (p Parameter) value(path string, given any) (any, error) {
	switch p.Kind {
	case Integer:
		return p.integer(path, given)
	case Boolean:
		if b, ok := given.(bool); ok {
			return b, nil
		}
		return nil, fmt.Errorf("%s must be true or false", path)
	case Object:
		if m, ok := given.(map[string]any); ok {
			return object(path+".", p.Fields, m)
		}
		if m, ok := given.(Arguments); ok {
			return object(path+".", p.Fields, m)
		}
		return nil, fmt.Errorf("%s must be an object with %s", path, namesOf(p.Fields))
	case List:
		return p.list(path, given)
	case Text, Name, UUID, Choice, URI, Data, XML:
	}
	text, ok := given.(string)
	if !ok {
		return nil, fmt.Errorf("%s must be a text", path)
	}
	if err := p.text(text); err != nil {
		return nil, fmt.Errorf("%s %s %w", path, preview(text), err)
	}
	return text, nil
}

func (p Parameter) integer(path string, given any) (any, error) {
	var n int64
	switch given := given.(type) {
	case int64:
		n = given
	case int:
		n = int64(given)
	case float64:
		if given != math.Trunc(given) || math.Abs(given) > 1<<53 {
			return nil, fmt.Errorf("%s must be a whole number", path)
		}
		n = int64(given)
	case json.Number:
		parsed, err := given.Int64()
		if err != nil {
			return nil, fmt.Errorf("%s must be a whole number", path)
		}
		n = parsed
	default:
		return nil, fmt.Errorf("%s must be a number", path)
	}
	if n < p.Min || n > p.Max {
		return nil, fmt.Errorf("%s is %d, which is not within %d and %d", path, n, p.Min, p.Max)
	}
	return n, nil
}

func (p Parameter) list(path string, given any) (any, error) {
	items, ok := given.([]any)
	if !ok {
		return nil, fmt.Errorf("%s must be a list", path)
	}
	if int64(len(items)) > p.Max {
		return nil, fmt.Errorf("%s has %d items; at most %d are allowed", path, len(items), p.Max)
	}
	checked := make([]any, len(items))
	for i, item := range items {
		value, err := p.Items.value(fmt.Sprintf("%s[%d]", path, i), item)
		if err != nil {
			return nil, err
		}
		checked[i] = value
	}
	return checked, nil
}

var macForm = regexp.MustCompile(`^[0-9a-f]{2}(:[0-9a-f]{2}){5}$`)

// text says what is wrong with a text.
func (p Parameter) text(text string) error {
	switch p.Kind {
	case Name:
		if p.Max > 0 && int64(len(text)) > p.Max {
			return fmt.Errorf("is longer than %d bytes", p.Max)
		}
		return CheckName(text)
	case UUID:
		return CheckUUID(text)
	case Choice:
		if !slices.Contains(p.Values, text) {
			return fmt.Errorf("is none of %s", strings.Join(p.Values, ", "))
		}
		return nil
	case URI:
		return CheckURI(text)
	case Data:
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fmt.Errorf("is not base64")
		}
		if int64(len(data)) > p.Max {
			return fmt.Errorf("is %d bytes; at most %d are taken at a time", len(data), p.Max)
		}
		return nil
	case XML:
		return checkDocument(text)
	case Text, Integer, Boolean, Object, List:
	}
	if p.Max > 0 && int64(len(text)) > p.Max {
		return fmt.Errorf("is longer than %d bytes", p.Max)
	}
	return p.form(text)
}

// form checks texts that stand for addresses.
func (p Parameter) form(text string) error {
	switch p.Name {
	case "mac":
		if !macForm.MatchString(text) {
			return fmt.Errorf("is no address such as 52:54:00:12:34:56, in small letters")
		}
	case "address", "dhcpStart", "dhcpEnd":
		if a, err := netip.ParseAddr(text); err != nil || !a.Is4() {
			return fmt.Errorf("is no IPv4 address")
		}
	}
	return checkPrintable(text)
}

// preview is hostile text, quoted and cut.
func preview(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return fmt.Sprintf("%+q", text)
}
