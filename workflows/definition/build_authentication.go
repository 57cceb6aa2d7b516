package definition

import (
	"slices"

	"lazaret.dev/lazaret/workflows/expression"
)

// authenticationPolicy builds an authentication, written in place or by name. Its
// value is the policy as the document has it.
func (c *checker) authenticationPolicy(cur cursor, scope expression.Scope) *expression.Template {
	if !cur.exists() {
		return nil
	}
	policy := cur
	if name := cur.get("use"); name.is(stringNode) {
		policy = c.resolve(name, "authentications", "authentication policy")
	}
	if !policy.is(objectNode) {
		return nil
	}
	for i := range policy.members() {
		m := &policy.node.members[i]
		c.checkPolicy(m.key, policy.member(m))
	}
	return c.strictTemplate(policy, scope)
}

// checkPolicy checks what one scheme is given.
func (c *checker) checkPolicy(scheme string, policy cursor) {
	if name := policy.get("use"); name.is(stringNode) {
		c.checkSecret(name, name.str())
		return
	}
	if scheme == "oauth2" || scheme == "oidc" {
		c.checkGrant(policy)
	}
}

// grantNeeds are the properties that the DSL leaves optional and a grant needs.
// It has none for a code or a refresh token: subject.token is where we read them.
var grantNeeds = map[string][]string{
	"authorization_code": {"subject"},
	"password":           {"username", "password"},
	"refresh_token":      {"subject"},
	"urn:ietf:params:oauth:grant-type:token-exchange": {"subject"},
	"client_credentials":                              {"client"},
}

// clientNeeds are what a client needs to show who it is.
var clientNeeds = map[string][]string{
	"client_secret_basic": {"id", "secret"},
	"client_secret_post":  {"id", "secret"},
	"client_secret_jwt":   {"id", "secret"},
	"private_key_jwt":     {"assertion"},
	"none":                {"id"},
}

func (c *checker) checkGrant(policy cursor) {
	grant := policy.get("grant")
	for _, part := range grantNeeds[grant.str()] {
		if !policy.get(part).exists() {
			c.report(grant, "authentication.incomplete", "grant %s needs %s", preview(grant.str()), part)
		}
	}
	client := policy.get("client")
	method := client.get("authentication")
	if !client.exists() || method.exists() && !method.is(stringNode) {
		return
	}
	name := method.str()
	if name == "" {
		name = "client_secret_post"
		if !client.get("secret").exists() && !slices.Contains(grantNeeds["client_credentials"], grant.str()) {
			name = "none" // a public client
		}
	}
	for _, part := range clientNeeds[name] {
		if !client.get(part).exists() {
			c.report(client, "authentication.incomplete", "client authentication %s needs client.%s", name, part)
		}
	}
}
