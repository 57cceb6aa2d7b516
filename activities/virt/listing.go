package virt

import (
	"reflect"
	"strings"
)

// Listing is an operation as people and programs read it.
type Listing struct {
	Name       string             `json:"name"`
	Text       string             `json:"text"`
	Changes    bool               `json:"changes"`
	Danger     Danger             `json:"danger"`
	Default    bool               `json:"default"` // allowed without a policy
	Waits      bool               `json:"waits,omitempty"`
	Parameters []ListingParameter `json:"parameters"`
	Rules      []Rule             `json:"rules,omitempty"`
	Result     []ListingField     `json:"result"`
}

// ListingParameter is a parameter likewise.
type ListingParameter struct {
	Name     string             `json:"name,omitempty"`
	Kind     Kind               `json:"kind"`
	Text     string             `json:"text,omitempty"`
	Required bool               `json:"required,omitempty"`
	Default  any                `json:"default,omitempty"`
	Min      int64              `json:"min,omitempty"`
	Max      int64              `json:"max,omitempty"`
	Values   []string           `json:"values,omitempty"`
	Fields   []ListingParameter `json:"fields,omitempty"`
	Items    *ListingParameter  `json:"items,omitempty"`
}

// ListingField is a field of a result.
type ListingField struct {
	Name   string         `json:"name"`
	Type   string         `json:"type"` // string, number, boolean, object, array
	Text   string         `json:"text,omitempty"`
	Fields []ListingField `json:"fields,omitempty"`
}

// Listings describes all operations.
func Listings() []Listing {
	all := make([]Listing, len(operations))
	for i, o := range operations {
		all[i] = Listing{
			Name: o.Name, Text: o.Text, Changes: o.Changes, Danger: o.Danger, Default: o.Default, Waits: o.Waits,
			Parameters: listParameters(o.Parameters), Rules: o.Rules, Result: listFields(reflect.TypeOf(o.Result)),
		}
	}
	return all
}

func listParameters(parameters []Parameter) []ListingParameter {
	all := make([]ListingParameter, len(parameters))
	for i, p := range parameters {
		all[i] = listParameter(p)
	}
	return all
}

func listParameter(p Parameter) ListingParameter {
	l := ListingParameter{
		Name: p.Name, Kind: p.Kind, Text: p.Text, Required: p.Required, Default: p.Default,
		Min: p.Min, Max: p.Max, Values: p.Values,
	}
	if p.Fields != nil {
		l.Fields = listParameters(p.Fields)
	}
	if p.Items != nil {
		items := listParameter(*p.Items)
		l.Items = &items
	}
	return l
}

func listFields(t reflect.Type) []ListingField {
	var fields []ListingField
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		field := ListingField{Name: name, Text: f.Tag.Get("text")}
		field.Type, field.Fields = listType(f.Type)
		fields = append(fields, field)
	}
	return fields
}

func listType(t reflect.Type) (string, []ListingField) {
	switch t.Kind() {
	case reflect.String:
		return "string", nil
	case reflect.Bool:
		return "boolean", nil
	case reflect.Map:
		return "object", nil
	case reflect.Struct:
		return "object", listFields(t)
	case reflect.Slice:
		_, fields := listType(t.Elem())
		return "array", fields
	default:
		return "number", nil
	}
}
