package definition

import (
	"regexp"
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// ScriptSource is where a script stands that the definition does not hold.
type ScriptSource struct {
	Endpoint *expression.Template // a constant unless the whole string is one expression
	SHA256   string               // of the script, hex in lower case; "" takes any
}

// scriptSource builds script.source, which the schema puts in place of a code.
func (c *checker) scriptSource(source cursor, pin string, scope expression.Scope) *ScriptSource {
	if !source.exists() {
		return nil
	}
	endpoint := source.get("endpoint")
	if authentication := endpoint.get("authentication"); authentication.exists() {
		c.checkAuthentications(endpoint)
		c.refuse(authentication, "run.script.source.authentication", "a script source's authentication")
	}
	if uri := endpoint.get("uri"); uri.exists() {
		endpoint = uri
	}
	c.checkScriptURL(endpoint)
	return &ScriptSource{Endpoint: c.code(endpoint, scope), SHA256: pin}
}

// checkScriptURL says of a URL that is written out what the worker would.
func (c *checker) checkScriptURL(endpoint cursor) {
	url := strings.TrimSpace(endpoint.str())
	switch {
	case url == "" || strings.HasPrefix(url, "${"):
	case !strings.HasPrefix(strings.ToLower(url), "https://"):
		c.report(endpoint, "script.source", "Only HTTPS URLs are allowed for external scripts")
	case strings.ContainsAny(url, "{}"):
		c.refuse(endpoint, "run.script.source.template", "a URI template as a script's source")
	}
}

var sha256Form = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// scriptPin is metadata.script.sha256 of a task.
func (c *checker) scriptPin(metadata cursor) string {
	pin := c.setting(metadata, "script", "sha256")
	if !pin.exists() {
		return ""
	}
	if !sha256Form.MatchString(pin.str()) {
		c.report(pin, "script.pin", "script.sha256 is the SHA-256 of the script: 64 hexadecimal digits")
	}
	return strings.ToLower(pin.str())
}

// settings are the members of metadata that the product reads, by group. Other
// groups belong to whoever writes them.
var settings = map[string][]string{
	"python": {"version", "packages", "requirements_url", "allowed_modules", "allowed_functions"},
	"script": {"sha256"},
}

// checkSettings warns about members of our groups that are not read, of a
// document's or task's metadata.
func (c *checker) checkSettings(metadata cursor) {
	for i := range metadata.members() {
		m := &metadata.node.members[i]
		group, name, flat := strings.Cut(m.key, ".")
		known, ours := settings[group]
		switch {
		case !ours:
		case flat:
			c.checkSetting(metadata.member(m), group, name, known)
		default:
			nested := metadata.member(m)
			for j := range nested.members() {
				inner := &nested.node.members[j]
				c.checkSetting(nested.member(inner), group, inner.key, known)
			}
		}
	}
}

func (c *checker) checkSetting(cur cursor, group, name string, known []string) {
	if !contains(known, name) {
		c.warn(cur, "metadata.unknown-setting", didYouMean(name, known), "metadata: %s has no setting %q", group, preview(name))
	}
}

// setting is a member of metadata that the product reads: group.name, written
// as an object in an object or as one key with a dot.
func (c *checker) setting(metadata cursor, group, name string) cursor {
	nested, flat := metadata.get(group).get(name), metadata.get(group+"."+name)
	if nested.exists() && flat.exists() {
		c.report(flat, "metadata.twice", "%s.%s stands twice in this metadata", group, name)
	}
	if flat.exists() {
		return flat
	}
	return nested
}
