package worker

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"lazaret.dev/lazaret/activities/calls"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/workflows/definition"
)

// addressed are the arguments of calls that say where something is, or where tokens
// for it come from, by protocol, with their places below the task.
var addressed = map[string]map[string]string{
	"http": {"uri": "/with/endpoint/uri", "authentication": "/with/endpoint/authentication"},
	"openapi": {
		"document": "/with/document/endpoint/uri", "documentAuthentication": "/with/document/endpoint/authentication",
		"authentication": "/with/authentication",
	},
	"asyncapi": {
		"document": "/with/document/endpoint/uri", "documentAuthentication": "/with/document/endpoint/authentication",
		"authentication": "/with/authentication",
	},
	"grpc": {
		"proto": "/with/proto/endpoint/uri", "protoAuthentication": "/with/proto/endpoint/authentication",
		"authentication": "/with/service/authentication",
	},
	"mcp": {"uri": "/with/transport/http/endpoint/uri", "authentication": "/with/transport/http/endpoint/authentication"},
	"a2a": {
		"agentCard": "/with/agentCard/endpoint/uri", "agentCardAuthentication": "/with/agentCard/endpoint/authentication",
		"server": "/with/server/uri", "serverAuthentication": "/with/server/authentication",
	},
}

// call is about the hosts that a call names.
func (f *foresight) call(t *definition.Task, e policies.Effective, body *definition.Call) {
	for _, argument := range body.With {
		place, known := addressed[body.Protocol][argument.Name]
		switch {
		case !known:
		case argument.URI != nil:
			prefix, whole := argument.URI.Written()
			f.target(t, e, place, prefix, whole)
		default:
			f.authority(t, e, place, argument.Value.Written())
		}
	}
	if body.Protocol == "grpc" {
		f.service(t, e, body)
	}
}

// authority is about where tokens come from.
func (f *foresight) authority(t *definition.Task, e policies.Effective, pointer string, policy any) {
	schemes, _ := policy.(map[string]any)
	for _, scheme := range []string{"oauth2", "oidc"} {
		given, _ := schemes[scheme].(map[string]any)
		if text, ok := given["authority"].(string); ok {
			f.target(t, e, pointer+"/"+scheme+"/authority", text, true)
		}
	}
}

// service is about the host of a gRPC service.
func (f *foresight) service(t *definition.Task, e policies.Effective, body *definition.Call) {
	host, port := "", "443"
	for _, argument := range body.With {
		if argument.Name != "host" && argument.Name != "port" {
			continue
		}
		switch value := argument.Value.Written().(type) {
		case string:
			host = value
		case nil:
			return
		default:
			port = fmt.Sprint(value)
		}
	}
	if host != "" {
		f.host(t, e.Calls, t.Reference+"/with/service/host", "calls", net.JoinHostPort(host, port))
	}
}

// target is about a URL that calls go to, as far as it is written out.
func (f *foresight) target(t *definition.Task, e policies.Effective, place, prefix string, whole bool) {
	if calls.IsFile(prefix) {
		f.shared(t, e, place, prefix, whole)
	} else if u, ok := origin(prefix, whole); ok {
		f.host(t, e.Calls, t.Reference+place, "calls", hostPort(u))
	}
}

// source is about a URL that a script or a function is fetched from.
func (f *foresight) source(t *definition.Task, e policies.Effective, pointer, text string) {
	if u, ok := origin(text, true); ok {
		f.host(t, e.Sources, pointer, "sources", hostPort(u))
	}
}

// shared is about a file that describes a service, where its URL is written out.
func (f *foresight) shared(t *definition.Task, e policies.Effective, place, prefix string, whole bool) {
	u, err := calls.File(prefix)
	if err != nil || !whole {
		return
	}
	if _, _, shared := calls.Shared(e.Shares, u.Path); !shared {
		f.refuses(t.Reference+place, "share", f.why.Decider("shares"), "the operator may list a folder above it under shares",
			"%sthe policy shares no folder with %s", of(t), u.Path)
	}
}

// host is about one host and port under the rules of a setting. An address that is
// not public may be permitted by the worker, which the policy does not know.
func (f *foresight) host(t *definition.Task, rules []egress.Rule, pointer, key, hostPort string) {
	err := (&egress.Dialer{Rules: rules}).Permits(hostPort)
	denial, ok := err.(*egress.Denial) //nolint:errorlint // as it was made
	if !ok {
		return
	}
	host, _, _ := net.SplitHostPort(hostPort)
	listed := host
	if strings.HasPrefix(denial.Reason, "port ") || !strings.HasSuffix(hostPort, ":443") && !strings.HasSuffix(hostPort, ":80") {
		listed = hostPort
	}
	verb, hint := "call", "the operator may list "+listed+" under calls, at a level that opens it"
	if key == "sources" {
		verb, hint = "fetch from", "the operator may list "+listed+" under sources"
	}
	before := len(f.found)
	f.refuses(pointer, "host", f.why.Decider(key), hint,
		"%sthe policy does not let this definition %s %s: %s", of(t), verb, hostPort, denial.Reason)
	if _, err := netip.ParseAddr(host); err == nil && len(f.found) > before {
		last := &f.found[len(f.found)-1]
		last.Severity = definition.Warning
		last.Hint += "; or a worker's --private-network may open the address for all"
	}
}

// origin is the URL up to its host, where that is written out: before a variable it
// ends with what cannot be part of a host. It is none of a file.
func origin(prefix string, whole bool) (*url.URL, bool) {
	scheme, rest, ok := strings.Cut(prefix, "://")
	if !ok {
		return nil, false
	}
	text := prefix
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		text = scheme + "://" + rest[:end]
	} else if !whole {
		return nil, false
	}
	u, err := url.Parse(text) // the scheme in small letters
	return u, err == nil && u.Hostname() != ""
}

func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "http":
		port = "80"
	default:
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
