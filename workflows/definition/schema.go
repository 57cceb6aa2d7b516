package definition

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:generate go test -run TestSchemaJSONIsCurrent -update .

//go:embed schema.json
var schemaJSON []byte

// JSONSchema is the schema of workflow documents (draft 2020-12), for editors
// and for whoever wants to check documents by themselves. It needs a validator
// that asserts formats and whose patterns know lookaheads.
func JSONSchema() []byte { return slices.Clone(schemaJSON) }

// documentURL is where the compiler finds our schema. It holds every schema but
// those of this host against the metaschema first, which takes two thirds of
// the time to the first document; a test does so instead.
const documentURL = "https://json-schema.org/lazaret/workflow.json"

// documentSchema compiles our schema once, when the first document is checked.
var documentSchema = sync.OnceValue(func() *jsonschema.Schema {
	return compileDocumentSchema(documentURL, "")
})

func compileDocumentSchema(url, part string) *jsonschema.Schema {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaJSON))
	if err != nil {
		panic(fmt.Sprintf("BUG: embedded schema.json: %v", err))
	}
	compiler := newSchemaCompiler()
	compiler.UseRegexpEngine(compilePattern)
	if err := compiler.AddResource(url, document); err != nil {
		panic(fmt.Sprintf("BUG: embedded schema.json: %v", err))
	}
	return compiler.MustCompile(url + part)
}

// newSchemaCompiler is a compiler that asserts formats and reaches neither
// files nor the network.
func newSchemaCompiler() *jsonschema.Compiler {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.UseLoader(noLoader{})
	return compiler
}

// noLoader refuses every schema that is not part of the document.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("schema %q is outside the document", preview(url))
}

// patternTimeout bounds one match of our schema's own patterns, which have
// nothing to backtrack over; it guards against a mistake of ours.
const patternTimeout = time.Second

// pattern is a regular expression with lookaheads.
type pattern struct{ re *regexp2.Regexp }

func compilePattern(source string) (jsonschema.Regexp, error) {
	re, err := regexp2.Compile(source, regexp2.ECMAScript)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", source, err)
	}
	re.MatchTimeout = patternTimeout
	return pattern{re}, nil
}

// MatchString is false also where the match takes too long.
func (p pattern) MatchString(s string) bool {
	matched, err := p.re.MatchString(s)
	return err == nil && matched
}

func (p pattern) String() string { return p.re.String() }
