package definition

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// explainKind words the problems whose own message would quote data, which is
// every one that holds the value it found.
func explainKind(k jsonschema.ErrorKind, otherwise func() string) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("expected %s, found %s", strings.Join(k.Want, " or "), k.Got)
	case *kind.Enum:
		return "expected another of its values"
	case *kind.Const:
		return "expected its one value"
	case *kind.Format:
		return "expected the format " + preview(k.Want)
	case *kind.Pattern:
		return "expected the pattern " + preview(k.Want)
	case *kind.Required:
		return "missing " + quotedList(k.Missing)
	case *kind.AdditionalProperties:
		return counting(len(k.Properties), "property that is", "properties that are") + " not allowed"
	case *kind.FalseSchema:
		return "not allowed"
	case *kind.PropertyNames:
		return "a property's name is not allowed"
	case *kind.Minimum:
		return "expected at least " + preview(k.Want.RatString())
	case *kind.Maximum:
		return "expected at most " + preview(k.Want.RatString())
	case *kind.ExclusiveMinimum:
		return "expected more than " + preview(k.Want.RatString())
	case *kind.ExclusiveMaximum:
		return "expected less than " + preview(k.Want.RatString())
	case *kind.MultipleOf:
		return "expected a multiple of " + preview(k.Want.RatString())
	case *kind.InvalidJsonValue:
		return "not a JSON value"
	case *kind.ContentEncoding, *kind.ContentMediaType, *kind.ContentSchema:
		return "expected other content"
	default:
		return otherwise()
	}
}

func counting(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// compileLinear compiles the patterns of inline schemas, which run on data of
// others: in linear time, so without lookaheads and backreferences.
func compileLinear(source string) (jsonschema.Regexp, error) {
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, fmt.Errorf("pattern %q is not supported (RE2 syntax): %w", preview(source), err)
	}
	return re, nil
}
