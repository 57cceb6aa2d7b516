package contract

import "slices"

// The types of incidents (C34), the gravest first.
const (
	PrivilegeEscalation = "privilege-escalation" // it tried to become more than it is
	UnauthorizedAccess  = "unauthorized-access"  // it tried to reach what is not its own
	AbnormalActivity    = "abnormal-activity"    // it did what no honest program of its kind does
	ResourceAbuse       = "resource-abuse"       // it took more than it may
)

// IncidentTypes are all of them, the gravest first.
var IncidentTypes = []string{PrivilegeEscalation, UnauthorizedAccess, AbnormalActivity, ResourceAbuse}

// IncidentRule says of which type an incident is that has violations of one type and
// of a severity and above, or errors of these codes.
type IncidentRule struct {
	Incident  string
	Violation string   // type
	From      string   // the least severity
	Errors    []string // codes of the table of errors (A15)
}

// IncidentRules are the whole mapping; of a violation the first that fits decides.
var IncidentRules = []IncidentRule{
	{Incident: PrivilegeEscalation, Violation: "UnauthorizedSystemCall", From: "High"}, // namespaces, tracing, the kernel's own surface
	{Incident: AbnormalActivity, Violation: "UnauthorizedSystemCall", From: "Low"},     // calls that no rule permits
	{Incident: PrivilegeEscalation, Violation: "InvalidPermission", From: "High"},      // identities, capabilities, a weaker level, dangerous operations
	{Incident: UnauthorizedAccess, Violation: "InvalidPermission", From: "Low"},        // operations and secrets that were not given
	{Incident: UnauthorizedAccess, Violation: "UnauthorizedFileAccess", From: "Low"},
	{Incident: UnauthorizedAccess, Violation: "UnauthorizedNetworkAccess", From: "Low"},
	{Incident: UnauthorizedAccess, Violation: "CommunicationViolation", From: "High"}, // in another's name
	{Incident: AbnormalActivity, Violation: "CommunicationViolation", From: "Low"},
	{Incident: AbnormalActivity, Violation: StaticPolicyViolation, From: "Low"},
	{Incident: AbnormalActivity, Violation: MaliciousBehavior, From: "Low"},
	{Incident: ResourceAbuse, Violation: "ResourceLimitExceeded", From: "Low"},
	{Incident: ResourceAbuse, Errors: []string{"MEM_001", "CPU_001", "RES_001"}},
}

// Severities are the names of a violation's severity, the least first.
var Severities = []string{"Low", "Medium", "High", "Critical"}

// IncidentTypeOf is the type of an incident that such a violation makes. What no rule
// knows is abnormal.
func IncidentTypeOf(violation, severity string) string {
	for _, rule := range IncidentRules {
		if rule.Violation == violation && slices.Index(Severities, severity) >= slices.Index(Severities, rule.From) {
			return rule.Incident
		}
	}
	return AbnormalActivity
}

// IncidentTypeOfError is the type of an incident that errors of a code make.
func IncidentTypeOfError(code string) string {
	for _, rule := range IncidentRules {
		if slices.Contains(rule.Errors, code) {
			return rule.Incident
		}
	}
	return AbnormalActivity
}

// IncidentTypesOf are the types of an incident with these violations, each once and
// the gravest first.
func IncidentTypesOf(violations []Violation) []string {
	var found []string
	for _, v := range violations {
		found = append(found, IncidentTypeOf(v.Type, v.Severity))
	}
	return GravestFirst(found)
}

// GravestFirst are those of IncidentTypes that stand in a list, each once and in
// their order.
func GravestFirst(list []string) []string {
	var types []string
	for _, t := range IncidentTypes {
		if slices.Contains(list, t) {
			types = append(types, t)
		}
	}
	return types
}
