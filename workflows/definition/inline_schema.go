package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Schema checks data against the JSON Schema of an input, output or export. It
// is compiled while the document is checked, refers to nothing outside itself,
// and is safe for concurrent use.
//
// Its patterns are regular expressions of linear time (RE2), and a validation
// ends after a fixed number of steps, so the same data has the same verdict on
// every machine and every replay.
type Schema struct {
	compiled *jsonschema.Schema
	budget   *budget
}

// maxProblems bounds how many problems one validation tells.
const maxProblems = 3

// Validate is nil where v matches. The error names at most three places as
// JSON pointers and never quotes the data. Numbers may be json.Number,
// *big.Int, int or float64. A nil Schema takes anything.
func (s *Schema) Validate(v any) error {
	if s == nil {
		return nil
	}
	err := s.budget.run(func() error { return s.compiled.Validate(plain(v)) })
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	return describe(invalid)
}

// plain is v with the numbers that the validator does not know as json.Number.
// Data without such a number is v itself.
func plain(v any) any {
	if !hasBigInt(v) {
		return v
	}
	switch v := v.(type) {
	case *big.Int:
		return json.Number(v.String())
	case map[string]any:
		object := make(map[string]any, len(v))
		//workflowcheck:ignore fills a map
		for key, value := range v {
			object[key] = plain(value)
		}
		return object
	case []any:
		array := make([]any, len(v))
		for i, value := range v {
			array[i] = plain(value)
		}
		return array
	default:
		return v
	}
}

func hasBigInt(v any) bool {
	switch v := v.(type) {
	case *big.Int:
		return true
	case map[string]any:
		//workflowcheck:ignore any member decides
		for _, value := range v {
			if hasBigInt(value) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, hasBigInt)
	}
	return false
}

// printer writes the validator's own messages.
var printer = message.NewPrinter(language.English)

// describe tells the first problems of a validation, in the order of their places.
func describe(invalid *jsonschema.ValidationError) error {
	var problems []string
	collect(invalid, &problems)
	slices.Sort(problems)
	problems = slices.Compact(problems)
	more := ""
	if rest := len(problems) - maxProblems; rest > 0 {
		more = fmt.Sprintf("; and %d more", rest)
		problems = problems[:maxProblems]
	}
	return errors.New(strings.Join(problems, "; ") + more)
}

func collect(e *jsonschema.ValidationError, problems *[]string) {
	if len(e.Causes) == 0 {
		place := jsonPointer(e.InstanceLocation)
		if place == "" {
			place = "/"
		}
		*problems = append(*problems, preview(place)+": "+explain(e))
		return
	}
	for _, cause := range e.Causes {
		collect(cause, problems)
	}
}

// explain says what a problem is by the schema's side of it alone: the data
// may be secret, and it may be large.
func explain(e *jsonschema.ValidationError) string {
	return explainKind(e.ErrorKind, func() string { return preview(e.ErrorKind.LocalizedString(printer)) })
}

// schemaURL is what the compiler calls a schema that has no $id.
const schemaURL = "definition:schema"

// newSchema compiles a schema document.
func newSchema(document any) (*Schema, error) {
	b := &budget{}
	compiler := newSchemaCompiler()
	compiler.UseRegexpEngine(compileLinear)
	compiler.RegisterVocabulary(b.vocabulary())
	compiler.AssertVocabs()
	if err := compiler.AddResource(schemaURL, document); err != nil {
		return nil, err
	}
	compiled, err := compiler.Compile(schemaURL)
	if err != nil {
		return nil, err
	}
	return &Schema{compiled: compiled, budget: b}, nil
}

// budget ends a validation that takes too many steps. A schema that refers to
// itself from several places can need exponentially many.
type budget struct {
	mu   sync.Mutex
	left int
}

// maxSteps is how many schemas one validation may apply: enough for data of
// any size that a task may carry.
const maxSteps = 2_000_000

// errBudget is the panic value that unwinds the validator, which has no other way to stop.
var errBudget = errors.New("the schema takes too many steps on this data")

func (b *budget) run(validate func() error) (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = maxSteps
	defer func() {
		if r := recover(); r == errBudget { //nolint:errorlint // the very value is meant
			err = errBudget
		} else if r != nil {
			panic(r)
		}
	}()
	return validate()
}

// vocabulary counts every schema that is applied.
func (b *budget) vocabulary() *jsonschema.Vocabulary {
	return &jsonschema.Vocabulary{
		URL: "https://lazaret.dev/vocabularies/budget",
		Compile: func(*jsonschema.CompilerContext, map[string]any) (jsonschema.SchemaExt, error) {
			return b, nil
		},
	}
}

// Validate takes one step.
func (b *budget) Validate(*jsonschema.ValidatorContext, any) {
	if b.left--; b.left < 0 {
		panic(errBudget)
	}
}
