package definition

import (
	"regexp"
	"slices"
	"strings"
)

// functionBody builds the call of a function: of use.functions, of a catalog,
// or at a URL.
func (c *checker) functionBody(t cursor, v vars) Body {
	call := t.get("call")
	body := &CallFunction{Name: call.str(), With: c.template(t.get("with"), v.definitionScope())}
	if fn := c.use.get("functions").get(call.str()); fn.exists() {
		c.used[fn.ref] = true
		body.Task = c.function(fn, call.str())
		return body
	}
	if part := cataloged.FindStringSubmatch(call.str()); part != nil {
		return c.catalogedFunction(call, body, part[1], part[2], part[3])
	}
	if strings.Contains(call.str(), "://") {
		body.URL = c.functionURL(call, call.str())
		return body
	}
	known := keys(c.use.get("functions"))
	c.reportHint(call, "reference.unknown", didYouMean(call.str(), slices.Concat(protocolNames, known)),
		"unknown function %q: it is none of use.functions, no NAME:VERSION@CATALOG and no URL", preview(call.str()))
	return nil
}

// protocolNames are those of protocols, in order.
var protocolNames = []string{"a2a", "asyncapi", "grpc", "http", "mcp", "openapi"}

// function is the task of use.functions at fn. It is built once; a function
// that calls itself meets the one that is being built.
func (c *checker) function(fn cursor, name string) *Task {
	if known := c.functions[fn.ref]; known != nil {
		return known
	}
	t := &Task{}
	c.functions[fn.ref] = t
	*t = *c.task(entry{fn, name}, siblings{}, nil)
	return t
}

// allFunctions are those of use.functions, in source order.
func (c *checker) allFunctions() TaskList {
	section := c.use.get("functions")
	var all TaskList
	for i := range section.members() {
		m := &section.node.members[i]
		if m.value.kind == objectNode {
			all = append(all, c.function(section.member(m), m.key))
		}
	}
	return all
}

// cataloged is NAME:VERSION@CATALOG.
var cataloged = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*):([A-Za-z0-9][A-Za-z0-9.+_-]*)@([^@/]+)$`)

// catalogedFunction builds the call of a function that a catalog has. The
// default catalog, unless the document has another of that name, is what is
// published in the definition's own namespace.
func (c *checker) catalogedFunction(call cursor, body *CallFunction, name, version, catalog string) Body {
	entry := c.use.get("catalogs").get(catalog)
	if !entry.exists() && catalog == "default" {
		return &RunWorkflow{Namespace: c.namespace, Name: name, Version: version, Input: body.With, Await: true}
	}
	if !entry.exists() {
		known := append(keys(c.use.get("catalogs")), "default")
		c.reportHint(call, "reference.unknown", didYouMean(catalog, known), "unknown catalog %q: there is %s", preview(catalog), quotedList(known))
		return nil
	}
	c.used[entry.ref] = true
	endpoint := entry.get("endpoint")
	if authentication := endpoint.get("authentication"); authentication.exists() {
		c.refuse(authentication, "use.catalogs.authentication", "a catalog's authentication")
	}
	if uri := endpoint.get("uri"); uri.exists() {
		endpoint = uri
	}
	root := strings.TrimRight(c.functionURL(endpoint, endpoint.str()), "/")
	body.URL = root + "/functions/" + name + "/" + version + "/function.yaml"
	return body
}

// functionURL is where the text at a URL is, which is written out in full.
func (c *checker) functionURL(cur cursor, url string) string {
	url = strings.TrimSpace(url)
	switch {
	case strings.Contains(url, "${"), strings.ContainsAny(url, "{}"):
		c.report(cur, "function.source", "the place of a function must be written out, not computed")
	case !strings.HasPrefix(strings.ToLower(url), "https://"):
		c.report(cur, "function.source", "Only HTTPS URLs are allowed for functions")
	}
	return rawURL(url)
}

var (
	gitHubPage = regexp.MustCompile(`^https://github\.com/([^/]+/[^/]+)(?:/(?:tree|blob)/(.+))?$`)
	gitLabPage = regexp.MustCompile(`^(https://gitlab\.[^/]+/.+)/-/(?:tree|blob)/(.+)$`)
)

// rawURL is where a Git host has the text that a page of its shows.
func rawURL(url string) string {
	url = strings.TrimRight(url, "/")
	if page := gitHubPage.FindStringSubmatch(url); page != nil {
		reference := page[2]
		if reference == "" {
			reference = "HEAD"
		}
		return "https://raw.githubusercontent.com/" + page[1] + "/" + reference
	}
	return gitLabPage.ReplaceAllString(url, "$1/-/raw/$2")
}
