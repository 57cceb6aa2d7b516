package definition

import "strings"

// methodNeeds are the parameters without which a method of MCP or A2A asks for
// nothing.
var methodNeeds = map[string]string{
	"tools/call": "name", "prompts/get": "name", "resources/read": "uri",
	"message/send": "message", "message/stream": "message", "tasks/get": "id", "tasks/cancel": "id", "tasks/resubscribe": "id",
}

// mcp takes the arguments of a call of the Model Context Protocol.
func (a *arguments) mcp(with cursor) {
	transport := with.get("transport")
	if stdio := transport.get("stdio"); stdio.exists() {
		a.reportHint(stdio, "unsupported.call.mcp.stdio", "reach a server over transport.http",
			"transport stdio is not supported by this version: it would start a program on the worker, outside of every sandbox")
	}
	if options := transport.get("options"); options.exists() {
		a.reportHint(options, "unsupported.call.mcp.options", "leave it out", "transport.options is not supported by this version: the specification names none")
	}
	http := transport.get("http")
	a.checkHeaders(http.get("headers"))
	a.endpoint("uri", "authentication", http.get("endpoint"), webSchemes)
	a.value("headers", http.get("headers"))
	a.length("timeout", with.get("timeout"))
	a.value("clientName", with.get("client").get("name"))
	a.value("clientVersion", with.get("client").get("version"))
	a.parameters(with)
	a.values(with, "method", "protocolVersion")
}

// a2a takes the arguments of a call of the Agent2Agent protocol.
func (a *arguments) a2a(with cursor) {
	card, server := with.get("agentCard"), with.get("server")
	if !card.exists() && !server.exists() && with.exists() {
		a.report(with, "call.agent", "call: a2a needs agentCard or server, which says where the agent is")
	}
	if server.exists() {
		a.endpoint("server", "serverAuthentication", server, webSchemes)
	} else {
		a.resource("agentCard", card)
	}
	a.parameters(with)
	a.value("method", with.get("method"))
}

// parameters takes those of a method: an object, or an expression that yields one.
func (a *arguments) parameters(with cursor) {
	parameters, method := with.get("parameters"), with.get("method")
	text := strings.TrimSpace(parameters.str())
	if parameters.is(stringNode) && !strings.HasPrefix(text, "${") {
		a.reportHint(parameters, "call.parameters", "write an object, or an expression in ${ … }", "parameters of %s must be an object", preview(method.str()))
		return
	}
	if need := methodNeeds[method.str()]; need != "" && !parameters.is(stringNode) && !parameters.get(need).exists() {
		at := parameters
		if !at.exists() {
			at = method
		}
		a.report(at, "call.parameters", "%s needs parameters.%s", method.str(), need)
	}
	a.value("parameters", parameters)
}
