package contract

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestIncidentTypes: what each type of violation is at each severity, and each error
// that an incident may come of (C34).
func TestIncidentTypes(t *testing.T) {
	const esc, access, odd, abuse = PrivilegeEscalation, UnauthorizedAccess, AbnormalActivity, ResourceAbuse
	for violation, want := range map[string][4]string{ // Low, Medium, High, Critical
		"UnauthorizedSystemCall":    {odd, odd, esc, esc},
		"InvalidPermission":         {access, access, esc, esc},
		"UnauthorizedFileAccess":    {access, access, access, access},
		"UnauthorizedNetworkAccess": {access, access, access, access},
		"CommunicationViolation":    {odd, odd, access, access},
		"StaticPolicyViolation":     {odd, odd, odd, odd},
		"MaliciousBehavior":         {odd, odd, odd, odd},
		"ResourceLimitExceeded":     {abuse, abuse, abuse, abuse},
		"ComesLater":                {odd, odd, odd, odd},
	} {
		for at, severity := range Severities {
			assert.Equal(t, want[at], IncidentTypeOf(violation, severity), "%s %s", violation, severity)
		}
	}
	for code, want := range map[string]string{"MEM_001": abuse, "CPU_001": abuse, "RES_001": abuse, "CRA_001": odd, "UNK_001": odd} {
		assert.Equal(t, want, IncidentTypeOfError(code), code)
	}
	assert.Equal(t, []string{esc, access, abuse}, IncidentTypesOf([]Violation{
		{Type: "ResourceLimitExceeded", Severity: "Medium"},
		{Type: "UnauthorizedFileAccess", Severity: "High"},
		{Type: "InvalidPermission", Severity: "Medium"},
		{Type: "UnauthorizedSystemCall", Severity: "Critical"},
	}), "each once, the gravest first")
	assert.Empty(t, IncidentTypesOf(nil), "a person opened it")
}

// TestIncidentTypes_Documented: the page has each rule, and no other.
func TestIncidentTypes_Documented(t *testing.T) {
	page, err := os.ReadFile("../../docs/security/violations.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "\n## Types of incidents\n")
	require.True(t, found)
	section, _, _ := strings.Cut(rest, "\n## ")
	for _, r := range IncidentRules {
		row := "| `" + r.Violation + "` | " + r.From + " | `" + r.Incident + "` |"
		if len(r.Errors) > 0 {
			row = "| errors `" + strings.Join(r.Errors, "`, `") + "` | | `" + r.Incident + "` |"
		}
		assert.Contains(t, section, row)
	}
	assert.Equal(t, len(IncidentRules)+2, strings.Count(section, "\n| "), "rows, the heading and that of other errors")
}
