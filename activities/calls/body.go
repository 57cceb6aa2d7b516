package calls

import (
	"encoding/base64"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// encodeBody makes the bytes of a body, as the definition's Content-Type says:
// JSON unless it says otherwise. contentType is empty where a header has it.
func encodeBody(body any, header string) (content []byte, contentType string, err error) {
	if body == nil && header == "" {
		return nil, "", nil
	}
	if header == "" {
		content, err = encodeJSON(body)
		return content, jsonType, err
	}
	media, _, err := mime.ParseMediaType(header)
	if err != nil {
		return nil, "", fault(Invalid, nil, "header Content-Type %s cannot be read", quoted(header))
	}
	switch {
	case isJSON(media):
		content, err = encodeJSON(body)
	case media == formType:
		content, err = encodeForm(body)
	case isText(media):
		content, err = encodeText(media, body)
	case strings.HasPrefix(media, "multipart/"):
		err = fault(Invalid, nil, "a body of type %s is not supported", media)
	default:
		content, err = decodeBase64(media, body)
	}
	return content, "", err
}

func encodeJSON(body any) ([]byte, error) {
	content, err := expression.Encode(body)
	if err != nil {
		return nil, fault(Invalid, err, "body")
	}
	return content, nil
}

func encodeText(media string, body any) ([]byte, error) {
	text, ok := body.(string)
	if !ok {
		return nil, fault(Invalid, nil, "a body of type %s must be a string, not %s", media, kindOf(body))
	}
	return []byte(text), nil
}

func decodeBase64(media string, body any) ([]byte, error) {
	text, ok := body.(string)
	if !ok {
		return nil, fault(Invalid, nil, "a body of type %s must be base64 in a string, not %s", media, kindOf(body))
	}
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fault(Invalid, nil, "a body of type %s must be base64", media)
	}
	return content, nil
}

// encodeForm makes a form of an object; a list is a field that stands repeatedly.
func encodeForm(body any) ([]byte, error) {
	if text, ok := body.(string); ok {
		return []byte(text), nil
	}
	object, ok := body.(map[string]any)
	if !ok {
		return nil, fault(Invalid, nil, "a form must be an object or a string, not %s", kindOf(body))
	}
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		values, isList := object[name].([]any)
		if !isList {
			values = []any{object[name]}
		}
		for _, value := range values {
			text, err := scalarText("form field "+quoted(name), value)
			if err != nil {
				return nil, err
			}
			fields = append(fields, url.QueryEscape(name)+"="+url.QueryEscape(text))
		}
	}
	return []byte(strings.Join(fields, "&")), nil
}

func isJSON(media string) bool {
	return media == jsonType || strings.HasSuffix(media, "+json")
}

// textTypes are the text types that do not say so.
var textTypes = []string{"application/xml", "application/javascript", "application/ecmascript", "application/yaml", "application/x-yaml", "application/toml", "application/graphql", formType}

func isText(media string) bool {
	return strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "+xml") || strings.HasSuffix(media, "+yaml") || slices.Contains(textTypes, media)
}
