package calls

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
)

// serve finds the server: the one that is named, or the first by name whose protocol is
// spoken, with TLS if there is one.
func (d *asyncDocument) serve(c *asyncChannel, channel map[string]any, choice asyncChoice) error {
	names, servers, err := d.servers(channel)
	if err != nil {
		return err
	}
	if choice.server != "" {
		server, ok := servers[choice.server]
		if !ok {
			return fault(Invalid, nil, "the channel has no server %s; it has %s", quoted(choice.server), listed(names))
		}
		return d.at(c, choice.server, server, choice)
	}
	best := ""
	for _, name := range names {
		text, _ := servers[name]["protocol"].(string)
		protocol, known := asyncProtocols[text]
		if !known || choice.protocol != "" && asyncProtocols[choice.protocol].family != protocol.family {
			continue
		}
		if best == "" || protocol.secure {
			best = name
		}
		if protocol.secure {
			break
		}
	}
	if best == "" {
		return fault(Invalid, nil, "the channel has no server of protocol %s; its servers speak %s; lazaret speaks HTTP, WebSocket, Kafka and MQTT",
			orAny(choice.protocol), listed(spoken(servers)))
	}
	return d.at(c, best, servers[best], choice)
}

func orAny(protocol string) string {
	if protocol == "" {
		return "http, ws, kafka or mqtt"
	}
	return quoted(protocol)
}

// spoken are the protocols of servers.
func spoken(servers map[string]map[string]any) []string {
	var all []string
	for _, server := range servers {
		text, _ := server["protocol"].(string)
		all = append(all, text)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// servers are those of a channel, in order.
func (d *asyncDocument) servers(channel map[string]any) ([]string, map[string]map[string]any, error) {
	all, err := d.optional("servers", d.root["servers"])
	if err != nil {
		return nil, nil, err
	}
	var names []string
	list, _ := channel["servers"].([]any)
	for _, item := range list {
		switch item := item.(type) {
		case string: // version 2
			names = append(names, item)
		case map[string]any:
			reference, _ := item["$ref"].(string)
			names = append(names, strings.TrimPrefix(reference, "#/servers/"))
		}
	}
	if len(list) == 0 {
		names = slices.Sorted(maps.Keys(all))
	}
	servers := map[string]map[string]any{}
	for _, name := range names {
		node, ok := all[name]
		if !ok {
			return nil, nil, d.wrong("the channel's server %s is not there", quoted(name))
		}
		if servers[name], err = d.object("server "+quoted(name), node); err != nil {
			return nil, nil, err
		}
	}
	return names, servers, nil
}

// at puts the channel at a server.
func (d *asyncDocument) at(c *asyncChannel, name string, server map[string]any, choice asyncChoice) error {
	text, _ := server["protocol"].(string)
	protocol, known := asyncProtocols[text]
	if !known {
		return fault(Invalid, nil, "server %s speaks %s; lazaret speaks HTTP, WebSocket, Kafka and MQTT", quoted(name), quoted(text))
	}
	if wanted := asyncProtocols[choice.protocol]; choice.protocol != "" && wanted.family != protocol.family {
		return fault(Invalid, nil, "server %s speaks %s, not %s", quoted(name), quoted(text), quoted(choice.protocol))
	}
	whole, err := d.location(name, server, choice)
	if err != nil {
		return err
	}
	if !strings.Contains(whole, "://") {
		whole = text + "://" + whole
	}
	u, err := url.Parse(whole)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return d.wrong("server %s is at %s, which is no place to connect to", quoted(name), quoted(whole))
	}
	if byScheme, ok := asyncProtocols[strings.ToLower(u.Scheme)]; ok && byScheme.family == protocol.family && byScheme.secure {
		protocol = byScheme
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), protocol.port)
	}
	c.family, c.secure, c.url = protocol.family, protocol.secure, u
	if c.family == httpFamily {
		u.Scheme = "http"
		if c.secure {
			u.Scheme = "https"
		}
	}
	if c.family == httpFamily || c.family == wsFamily {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/" + strings.TrimPrefix(c.address, "/")
	}
	return nil
}

// location is a server's URL, or host and path, with its variables in place.
func (d *asyncDocument) location(name string, server map[string]any, choice asyncChoice) (string, error) {
	text, _ := server["url"].(string) // version 2
	if d.major == "3" {
		host, _ := server["host"].(string)
		path, _ := server["pathname"].(string)
		text = host + path
	}
	variables, err := d.optional("variables", server["variables"])
	if err != nil {
		return "", err
	}
	for key := range choice.variables {
		if _, ok := variables[key]; !ok {
			return "", fault(Invalid, nil, "server %s has no variable %s; it has %s", quoted(name), quoted(key), listed(slices.Collect(maps.Keys(variables))))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(variables)) {
		variable, err := d.object("variable "+quoted(key), variables[key])
		if err != nil {
			return "", err
		}
		value := variable["default"]
		if given, ok := choice.variables[key]; ok {
			value = given
		}
		if allowed, ok := variable["enum"].([]any); ok && !slices.ContainsFunc(allowed, func(v any) bool { return fmt.Sprint(v) == fmt.Sprint(value) }) {
			return "", fault(Invalid, nil, "variable %s of server %s may not be %s", quoted(key), quoted(name), quoted(fmt.Sprint(value)))
		}
		if value != nil {
			text = strings.ReplaceAll(text, "{"+key+"}", fmt.Sprint(value))
		}
	}
	if strings.ContainsAny(text, "{}") {
		return "", fault(Invalid, nil, "server %s needs variables: %s", quoted(name), quoted(text))
	}
	return text, nil
}
