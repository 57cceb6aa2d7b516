package workflows

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

func TestFilterMatches(t *testing.T) {
	fault := &contract.Fault{Type: contract.TimeoutError, Status: 408, Title: "Timeout", Detail: "late", Instance: "/do/0/a"}
	for _, tt := range []struct {
		name   string
		filter *definition.ErrorFilter
		want   bool
	}{
		{"none", nil, true},
		{"empty", &definition.ErrorFilter{}, true},
		{"type", &definition.ErrorFilter{Type: contract.TimeoutError}, true},
		{"type, new host", &definition.ErrorFilter{Type: "https://open-workflow-specification.org/spec/1.0.0/errors/timeout"}, true},
		{"type, conformance kit", &definition.ErrorFilter{Type: "https://serverlessworkflow.io/dsl/errors/types/timeout"}, true},
		{"another standard type", &definition.ErrorFilter{Type: contract.RuntimeError}, false},
		{"a name is not enough", &definition.ErrorFilter{Type: "https://example.com/errors/timeout"}, false},
		{"status", &definition.ErrorFilter{Status: 408}, true},
		{"another status", &definition.ErrorFilter{Type: contract.TimeoutError, Status: 409}, false},
		{"title", &definition.ErrorFilter{Title: "timeout"}, false},
		{"detail", &definition.ErrorFilter{Detail: "late", Title: "Timeout"}, true},
		{"instance", &definition.ErrorFilter{Instance: "/do/0"}, false},
		{"everything", &definition.ErrorFilter{Type: contract.TimeoutError, Status: 408, Title: "Timeout", Detail: "late", Instance: "/do/0/a"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, filterMatches(tt.filter, fault))
		})
	}
}
