package definition

import "strings"

// The DSL's standard errors, by the name that ends their type URI.
const (
	ErrorConfiguration  = "configuration"
	ErrorValidation     = "validation"
	ErrorExpression     = "expression"
	ErrorAuthentication = "authentication"
	ErrorAuthorization  = "authorization"
	ErrorTimeout        = "timeout"
	ErrorCommunication  = "communication"
	ErrorRuntime        = "runtime"
)

// standardErrors are the names with their default status.
var standardErrors = map[string]int{
	ErrorConfiguration:  400,
	ErrorValidation:     400,
	ErrorExpression:     400,
	ErrorAuthentication: 401,
	ErrorAuthorization:  403,
	ErrorTimeout:        408,
	ErrorCommunication:  500,
	ErrorRuntime:        500,
}

// errorTypeBase is the form in which this version writes standard types.
const errorTypeBase = "https://serverlessworkflow.io/spec/1.0.0/errors/"

// errorTypeBases are all forms that documents write: the specification's old
// and new host, and what its conformance kit uses.
var errorTypeBases = crossJoin(
	[]string{"https://serverlessworkflow.io/", "https://serverlessworkflow.io.io/", "https://open-workflow-specification.org/"},
	[]string{"spec/1.0.0/errors/", "dsl/errors/types/"},
)

func crossJoin(heads, tails []string) []string {
	var all []string
	for _, head := range heads {
		for _, tail := range tails {
			all = append(all, head+tail)
		}
	}
	return all
}

// ErrorType is the type URI of the standard error with that name.
func ErrorType(name string) string { return errorTypeBase + name }

// ErrorStatus is the default status of a standard error type in any of its
// forms, and 500 for every other type.
func ErrorStatus(uri string) int {
	if status, ok := standardErrors[standardName(uri)]; ok {
		return status
	}
	return 500
}

// SameErrorType reports whether two type URIs name the same error: they are
// equal, or two forms of one standard error.
func SameErrorType(a, b string) bool {
	if a == b {
		return true
	}
	name := standardName(a)
	return name != "" && name == standardName(b)
}

// standardName is the standard error's name in a type URI, or "".
func standardName(uri string) string {
	for _, base := range errorTypeBases {
		name, ok := strings.CutPrefix(uri, base)
		if _, known := standardErrors[name]; ok && known {
			return name
		}
	}
	return ""
}
