package definition

import (
	"strings"
	"testing"
)

// TestNamesSecret holds how names are read, and names that only look alike.
func TestNamesSecret(t *testing.T) {
	for name, want := range map[string]bool{
		"password": true, "dbPassword": true, "DB_PASSWORD": true, "--api-key": true, "apiKey": true, "x-api-key": true,
		"Authorization": true, "clientSecret": true, "AccessToken": true, "GITHUB_TOKEN": true,
		"": false, "tokens": false, "tokenType": false, "secrets": false, "passwordless": false, "key": false, "author": false,
	} {
		if got := namesSecret(name); got != want {
			t.Errorf("namesSecret(%q) is %v", name, got)
		}
	}
}

// TestCheck_PlaintextIsNotQuoted: a finding is copied into logs and reports.
func TestCheck_PlaintextIsNotQuoted(t *testing.T) {
	_, findings := Check("flow.yaml", []byte(head+`do:
  - a: {set: {password: hunter2, url: 'https://ada:hunter2@example.com/', note: "key ghp_`+strings.Repeat("hunter2x", 5)+`"}}
`))
	if len(findings) != 3 {
		t.Errorf("%d findings: %v", len(findings), findings)
	}
	for _, f := range findings {
		if strings.Contains(f.Message+f.Hint, "hunter2") {
			t.Errorf("a secret is quoted: %s", f)
		}
	}
}
