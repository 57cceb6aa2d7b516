package definition

import (
	"regexp"
	"strings"
)

// Python is what Python scripts ask of their interpreter. The zero Python is
// the worker's own interpreter and its standard library.
type Python struct {
	Version         string   // "3.11"
	Packages        []string // names with version specifiers, PEP 508
	RequirementsURL string
}

// python reads metadata.python of the document or of a task, which goes over
// what the document says: a task that says where its packages come from does
// not get the document's as well.
func (c *checker) python(metadata cursor, outer Python) Python {
	p := outer
	if version := c.setting(metadata, "python", "version"); version.exists() {
		p.Version = c.pythonVersion(version)
	}
	packages := c.setting(metadata, "python", "packages")
	requirements := c.setting(metadata, "python", "requirements_url")
	if packages.exists() && requirements.exists() {
		c.report(requirements, "python.exclusive", "python.packages and python.requirements_url are mutually exclusive")
	}
	if packages.exists() || requirements.exists() {
		p.Packages, p.RequirementsURL = c.pythonPackages(packages), c.requirementsURL(requirements)
	}
	return p
}

var pythonVersionForm = regexp.MustCompile(`^3\.[0-9]{1,2}$`)

func (c *checker) pythonVersion(version cursor) string {
	text := version.str()
	switch {
	case version.is(numberNode):
		c.report(version, "python.version", `python.version in quotes, please: version: "3.10" without them is the number 3.1`)
	case !pythonVersionForm.MatchString(text):
		c.report(version, "python.version", `python.version %q is not a version such as "3.11"`, preview(text))
	}
	return text
}

func (c *checker) requirementsURL(url cursor) string {
	if url.exists() && !strings.HasPrefix(strings.ToLower(url.str()), "https://") {
		c.report(url, "python.requirements", "python.requirements_url must be an HTTPS URL")
	}
	return url.str()
}

// maxPackages bounds python.packages; more are better kept in a lock.
const maxPackages = 100

// pythonPackages reads a comma-separated text, or a list of texts.
func (c *checker) pythonPackages(packages cursor) []string {
	var names []string
	for _, part := range splitPackages(packages) {
		name, reason := packageForm(part.str())
		switch {
		case reason != "":
			c.report(part, "python.packages", "python.packages %q %s", preview(part.str()), reason)
		case len(names) == maxPackages:
			c.report(part, "python.packages", "python.packages lists more than %d", maxPackages)
			return names
		default:
			names = append(names, name)
		}
	}
	if packages.exists() && !packages.is(stringNode) && !packages.is(arrayNode) {
		c.report(packages, "python.packages", `python.packages is a text such as "requests==2.31.0, six", not %s`, packages.node.kind)
	}
	return names
}

// splitPackages gives each package a cursor of its own. A part that begins with
// an operator goes on with the specifier before it: "six>=1.15,<2".
func splitPackages(packages cursor) []cursor {
	if packages.is(arrayNode) {
		return packages.items()
	}
	var parts []cursor
	for text := range strings.SplitSeq(packages.str(), ",") {
		text = strings.TrimSpace(text)
		if last := len(parts) - 1; last >= 0 && strings.IndexAny(text, "=<>!~") == 0 {
			text = parts[last].str() + "," + text
			parts = parts[:last]
		}
		if text == "" {
			continue
		}
		part := packages
		part.node = &node{kind: stringNode, text: text, at: packages.node.at}
		parts = append(parts, part)
	}
	return parts
}

// What a package may look like: the part of PEP 508 that names something in an
// index. Everything else could reach files, other hosts, or pip's options.
var (
	packageName    = `[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?`
	specifier      = `(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9][A-Za-z0-9.*+!_-]*`
	packageText    = regexp.MustCompile(`^(` + packageName + `)\s*((?:` + specifier + `)(?:\s*,\s*` + specifier + `)*)?$`)
	packageInvalid = []struct {
		marks, reason string
	}{
		{"[]", "asks for extras; list the packages that they stand for"},
		{";", "has a condition; leave it out"},
		{"@:/\\", "is a URL or a path; only packages of the operator's index are installed"},
	}
)

// packageForm is a package without white space, or why it is none.
func packageForm(text string) (name, reason string) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "-") {
		return "", "is an option, not a package"
	}
	for _, invalid := range packageInvalid {
		if strings.ContainsAny(text, invalid.marks) {
			return "", invalid.reason
		}
	}
	if len(text) > 200 || !packageText.MatchString(text) {
		return "", `is not a package such as "requests" or "requests==2.31.0"`
	}
	return strings.Join(strings.Fields(text), ""), ""
}
