package calls

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"lazaret.dev/lazaret/workflows/expression"
)

// placement distributes what a definition gives to where an operation takes it.
type placement struct {
	*operation
	rest        map[string]any // not placed yet
	path        string
	query       []pair
	headers     []pair
	cookies     []string
	contentType string
}

// place takes the declared parameters out of rest.
func (p *placement) place() error {
	p.path = p.operation.path
	for _, parameter := range p.parameters {
		value, given := p.rest[parameter.Name]
		if !given || value == nil {
			if parameter.Required || parameter.In == openapi3.ParameterInPath {
				return fault(Invalid, nil, "parameter %s of operation %s is missing", quoted(parameter.Name), quoted(p.OperationID))
			}
			delete(p.rest, parameter.Name)
			continue
		}
		if err := p.put(parameter, value); err != nil {
			return err
		}
	}
	for _, parameter := range p.parameters { // a name may stand in two places
		delete(p.rest, parameter.Name)
	}
	if len(p.cookies) > 0 {
		p.headers = append(p.headers, pair{"Cookie", strings.Join(p.cookies, "; ")})
	}
	if strings.ContainsAny(p.path, "{}") {
		return fault(Failed, nil, "path %s of the document names a parameter that it does not declare", quoted(p.operation.path))
	}
	return nil
}

func (p *placement) put(parameter *openapi3.Parameter, value any) error {
	value, err := fit(parameter.Schema, value)
	if err != nil {
		return fault(Invalid, nil, "parameter %s of operation %s: %s", quoted(parameter.Name), quoted(p.OperationID), err)
	}
	pairs, err := serialize(parameter, value)
	if err != nil {
		return fault(Invalid, nil, "parameter %s of operation %s: %s", quoted(parameter.Name), quoted(p.OperationID), err)
	}
	switch parameter.In {
	case openapi3.ParameterInPath:
		text := pairs[0].text
		if text == "" || text == "." || text == ".." {
			return fault(Invalid, nil, "parameter %s of operation %s: %s is no part of a path", quoted(parameter.Name), quoted(p.OperationID), quoted(text))
		}
		p.path = strings.ReplaceAll(p.path, "{"+parameter.Name+"}", escapePath(text))
	case openapi3.ParameterInQuery:
		p.query = append(p.query, pairs...)
	case openapi3.ParameterInHeader:
		p.headers = append(p.headers, pairs...)
	case openapi3.ParameterInCookie:
		for _, one := range pairs {
			p.cookies = append(p.cookies, url.QueryEscape(one.name)+"="+url.QueryEscape(one.text))
		}
	default:
		return fault(Failed, nil, "the document has parameter %s in %s, which is no place", quoted(parameter.Name), quoted(parameter.In))
	}
	return nil
}

// escapePath escapes all that means something in a URL, braces too.
func escapePath(text string) string {
	return strings.NewReplacer("+", "%20", "%7E", "~").Replace(url.QueryEscape(text))
}

// fit takes a text for a number or boolean where the schema wants one, and one
// value for an array of it, and holds the value against the schema.
func fit(schema *openapi3.SchemaRef, value any) (any, error) {
	if schema == nil || schema.Value == nil {
		return value, nil
	}
	if schema.Value.Type.Is(openapi3.TypeArray) && isScalar(value) {
		item, err := fit(schema.Value.Items, value)
		if err != nil {
			return nil, err
		}
		value = []any{item}
	}
	if text, ok := value.(string); ok {
		types := schema.Value.Type
		switch {
		case types.Is(openapi3.TypeInteger), types.Is(openapi3.TypeNumber):
			if number := json.Number(text); json.Valid([]byte(text)) {
				if _, err := number.Float64(); err == nil {
					value = number
				}
			}
		case types.Is(openapi3.TypeBoolean):
			if flag, err := strconv.ParseBool(text); err == nil && (text == "true" || text == "false") {
				value = flag
			}
		}
	} else if schema.Value.Type.Is(openapi3.TypeString) {
		if text, err := scalarText("it", value); err == nil {
			value = text
		}
	}
	return value, conform(schema.Value, value)
}

func isScalar(value any) bool {
	switch value.(type) {
	case nil, []any, map[string]any:
		return false
	}
	return true
}

// conform holds a value against a schema of the document.
func conform(schema *openapi3.Schema, value any) error {
	text, err := expression.Encode(value)
	if err != nil {
		return err
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return err
	}
	err = schema.VisitJSON(plain, openapi3.VisitAsRequest())
	if wrong, ok := errors.AsType[*openapi3.SchemaError](err); ok {
		at := ""
		if pointer := wrong.JSONPointer(); len(pointer) > 0 {
			at = " at /" + strings.Join(pointer, "/")
		}
		return errors.New(oneLine(wrong.Reason) + at)
	}
	if err != nil {
		return errors.New(oneLine(err.Error()))
	}
	return nil
}

// serialize writes a value as the parameter's style says.
func serialize(parameter *openapi3.Parameter, value any) ([]pair, error) {
	name := parameter.Name
	if len(parameter.Content) > 0 {
		text, err := expression.Encode(value)
		return []pair{{name, string(text)}}, err
	}
	style, explode := parameterStyle(parameter)
	switch value := value.(type) {
	case []any:
		return serializeList(name, style, explode, value)
	case map[string]any:
		return serializeObject(name, style, explode, value)
	}
	text, err := scalarText("it", value)
	return []pair{{name, prefixed(style, name, text)}}, err
}

// parameterStyle is the style, with the defaults of the specification.
func parameterStyle(parameter *openapi3.Parameter) (style string, explode bool) {
	style = parameter.Style
	if style == "" {
		style = openapi3.SerializationSimple
		if parameter.In == openapi3.ParameterInQuery || parameter.In == openapi3.ParameterInCookie {
			style = openapi3.SerializationForm
		}
	}
	if parameter.Explode != nil {
		return style, *parameter.Explode
	}
	return style, style == openapi3.SerializationForm
}

// prefixed is a text as a path's label and matrix styles begin it.
func prefixed(style, name, text string) string {
	switch style {
	case openapi3.SerializationLabel:
		return "." + text
	case openapi3.SerializationMatrix:
		return ";" + name + "=" + text
	}
	return text
}

var separators = map[string]string{
	openapi3.SerializationSpaceDelimited: " ", openapi3.SerializationPipeDelimited: "|",
}

func serializeList(name, style string, explode bool, list []any) ([]pair, error) {
	texts := make([]string, len(list))
	for i, item := range list {
		var err error
		if texts[i], err = scalarText("item "+strconv.Itoa(i), item); err != nil {
			return nil, err
		}
	}
	if style == openapi3.SerializationForm && explode {
		pairs := make([]pair, len(texts))
		for i, text := range texts {
			pairs[i] = pair{name, text}
		}
		return pairs, nil
	}
	separator := separators[style]
	if separator == "" {
		separator = ","
	}
	return []pair{{name, prefixed(style, name, strings.Join(texts, separator))}}, nil
}

func serializeObject(name, style string, explode bool, object map[string]any) ([]pair, error) {
	var flat []string
	var pairs []pair
	for _, key := range slices.Sorted(maps.Keys(object)) {
		text, err := scalarText("property "+quoted(key), object[key])
		if err != nil {
			return nil, err
		}
		switch {
		case style == "deepObject":
			pairs = append(pairs, pair{name + "[" + key + "]", text})
		case style == openapi3.SerializationForm && explode:
			pairs = append(pairs, pair{key, text})
		case explode:
			flat = append(flat, key+"="+text)
		default:
			flat = append(flat, key, text)
		}
	}
	if pairs != nil {
		return pairs, nil
	}
	return []pair{{name, prefixed(style, name, strings.Join(flat, ","))}}, nil
}

// body makes the request's body of what is left: the parameter that Swagger 2.0
// names, body as a whole, or an object of the other parameters.
func (p *placement) body() ([]byte, error) {
	if p.RequestBody == nil || p.RequestBody.Value == nil || len(p.RequestBody.Value.Content) == 0 {
		return nil, p.nothingLeft()
	}
	taken := p.RequestBody.Value
	media, content := bodyType(taken.Content)
	value, given := p.bodyValue(taken, content)
	if !given {
		if taken.Required {
			return nil, fault(Invalid, nil, "operation %s needs a body, and no parameter is left for it", quoted(p.OperationID))
		}
		return nil, nil
	}
	if content != nil && content.Schema != nil && content.Schema.Value != nil && isStructured(media) {
		if err := conform(content.Schema.Value, value); err != nil {
			return nil, fault(Invalid, nil, "body of operation %s: %s", quoted(p.OperationID), err)
		}
	}
	text, _, err := encodeBody(value, media)
	p.contentType = media
	return text, err
}

func isStructured(media string) bool { return isJSON(media) || media == formType }

// bodyType chooses the type of the body: JSON, a form, or the first.
func bodyType(content openapi3.Content) (string, *openapi3.MediaType) {
	names := slices.Sorted(maps.Keys(content))
	for _, name := range names {
		if isJSON(name) {
			return name, content[name]
		}
	}
	if form, ok := content[formType]; ok {
		return formType, form
	}
	if names[0] == "*/*" {
		return jsonType, content[names[0]]
	}
	return names[0], content[names[0]]
}

func (p *placement) bodyValue(taken *openapi3.RequestBody, content *openapi3.MediaType) (any, bool) {
	named := "body"
	if name, ok := taken.Extensions["x-originalParamName"].(string); ok {
		named = name
	}
	if value, ok := p.rest[named]; ok && len(p.rest) == 1 && !hasProperty(content, named) {
		return value, true
	}
	if len(p.rest) == 0 {
		return nil, false
	}
	return p.rest, true
}

func hasProperty(content *openapi3.MediaType, name string) bool {
	if content == nil || content.Schema == nil || content.Schema.Value == nil {
		return false
	}
	_, ok := content.Schema.Value.Properties[name]
	return ok
}

// nothingLeft refuses parameters that the operation does not take.
func (p *placement) nothingLeft() error {
	if len(p.rest) == 0 {
		return nil
	}
	var known []string
	for _, parameter := range p.parameters {
		known = append(known, parameter.Name)
	}
	unknown := slices.Sorted(maps.Keys(p.rest))[0]
	return fault(Invalid, nil, "operation %s has no parameter %s; it has %s", quoted(p.OperationID), quoted(unknown), listed(known))
}
