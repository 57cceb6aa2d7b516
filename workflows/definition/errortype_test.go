package definition

import "testing"

func TestErrorType(t *testing.T) {
	equal(t, "https://serverlessworkflow.io/spec/1.0.0/errors/timeout", ErrorType(ErrorTimeout))
	equal(t, 408, ErrorStatus("https://open-workflow-specification.org/spec/1.0.0/errors/timeout"))
	equal(t, 500, ErrorStatus("https://example.com/oops"))
}

func TestSameErrorType(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"https://serverlessworkflow.io/spec/1.0.0/errors/timeout", "https://open-workflow-specification.org/spec/1.0.0/errors/timeout", true},
		{"https://serverlessworkflow.io/dsl/errors/types/communication", ErrorType(ErrorCommunication), true},
		{"https://serverlessworkflow.io.io/dsl/errors/types/communication", ErrorType(ErrorCommunication), true},
		{ErrorType(ErrorTimeout), ErrorType(ErrorRuntime), false},
		{"https://example.com/timeout", ErrorType(ErrorTimeout), false},
		{"https://serverlessworkflow.io/spec/1.0.0/errors/custom", "https://open-workflow-specification.org/spec/1.0.0/errors/custom", false},
		{"https://example.com/a", "https://example.com/a", true},
		{"", "", true},
		{"", ErrorType(ErrorTimeout), false},
	} {
		if got := SameErrorType(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}
