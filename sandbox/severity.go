package sandbox

import "fmt"

// ViolationType says which kind of permission a program lacked.
type ViolationType string

// The types that the sandbox itself reports.
const (
	UnauthorizedSystemCall    ViolationType = "UnauthorizedSystemCall"
	UnauthorizedNetworkAccess ViolationType = "UnauthorizedNetworkAccess"
	UnauthorizedFileAccess    ViolationType = "UnauthorizedFileAccess"
	ResourceLimitExceeded     ViolationType = "ResourceLimitExceeded"
	InvalidPermission         ViolationType = "InvalidPermission"
)

// Severity orders violations by what they say about the program's intent.
type Severity int

// The severities. Low does not count against a program: honest libraries do
// such things and live with the refusal. Critical is what no
// honest program does.
const (
	Low Severity = iota + 1
	Medium
	High
	Critical
)

// NoKill is above every severity, for Spec.KillAt. What the kernel itself answers
// with death, a call through a foreign ABI, still ends the run.
const NoKill = Critical + 1

var severityNames = map[Severity]string{Low: "Low", Medium: "Medium", High: "High", Critical: "Critical"}

func (s Severity) String() string {
	if name, ok := severityNames[s]; ok {
		return name
	}
	return fmt.Sprintf("Severity(%d)", int(s))
}

// MarshalText renders the severity's name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Severity) UnmarshalText(text []byte) error {
	for value, name := range severityNames {
		if name == string(text) {
			*s = value
			return nil
		}
	}
	return fmt.Errorf("severity %q: want Low, Medium, High or Critical", text)
}
