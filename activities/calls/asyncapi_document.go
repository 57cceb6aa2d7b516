package calls

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The families of protocols that are spoken.
const (
	httpFamily  = "http"
	kafkaFamily = "kafka"
	mqttFamily  = "mqtt"
	wsFamily    = "ws"
)

// asyncProtocol is a protocol as AsyncAPI names it.
type asyncProtocol struct {
	family string
	secure bool
	port   string
}

var asyncProtocols = map[string]asyncProtocol{
	"http": {httpFamily, false, "80"}, "https": {httpFamily, true, "443"},
	"ws": {wsFamily, false, "80"}, "wss": {wsFamily, true, "443"},
	"kafka": {kafkaFamily, false, "9092"}, "kafka-secure": {kafkaFamily, true, "9093"},
	"mqtt": {mqttFamily, false, "1883"}, "mqtt5": {mqttFamily, false, "1883"},
	"mqtts": {mqttFamily, true, "8883"}, "secure-mqtt": {mqttFamily, true, "8883"},
}

// asyncChoice is what a definition chooses of a document.
type asyncChoice struct {
	channel, operation string
	server, protocol   string
	variables          map[string]any
	subscribes         bool
}

func asyncChoiceOf(a Arguments) (c asyncChoice, err error) {
	for name, into := range map[string]*string{"channel": &c.channel, "operation": &c.operation, "serverName": &c.server, "protocol": &c.protocol} {
		if *into, err = a.text(name, false); err != nil {
			return c, err
		}
	}
	c.variables, err = a.object("serverVariables")
	return c, err
}

// asyncChannel is a channel at a server.
type asyncChannel struct {
	family      string
	secure      bool
	url         *url.URL // of the server; of HTTP, with the channel
	address     string
	contentType string // of its messages; empty: not said
	correlation string // where a message's correlation id is
	bindings    []map[string]any
}

// binding is what the document says of the family's own properties, of the
// operation or of its channel.
func (c *asyncChannel) binding(name string) any {
	for _, bindings := range c.bindings {
		own, _ := bindings[c.family].(map[string]any)
		if own == nil && c.family == mqttFamily {
			own, _ = bindings["mqtt5"].(map[string]any)
		}
		if value, ok := own[name]; ok {
			return value
		}
	}
	return nil
}

// asyncDocument is an AsyncAPI document, as data. It refers to nothing outside of
// itself.
type asyncDocument struct {
	root  map[string]any
	from  *url.URL
	major string
}

func readAsyncAPI(content []byte, from *url.URL) (*asyncDocument, error) {
	d := &asyncDocument{from: from}
	if json.Unmarshal(content, &d.root) != nil {
		if err := yaml.Unmarshal(content, &d.root); err != nil {
			return nil, fault(Failed, nil, "%s is no AsyncAPI document: %s", place(from), oneLine(err.Error()))
		}
	}
	switch version := fmt.Sprint(d.root["asyncapi"]); {
	case strings.HasPrefix(version, "2."):
		d.major = "2"
	case strings.HasPrefix(version, "3."):
		d.major = "3"
	default:
		return nil, fault(Failed, nil, `%s is no AsyncAPI document: neither "asyncapi: 2.…" nor "asyncapi: 3.…"`, place(from))
	}
	return d, nil
}

// maxReferences bounds how often a reference leads to another.
const maxReferences = 10

// object is the object that node is or refers to.
func (d *asyncDocument) object(what string, node any) (map[string]any, error) {
	for range maxReferences {
		object, ok := node.(map[string]any)
		if !ok {
			return nil, d.wrong("%s is no object", what)
		}
		reference, ok := object["$ref"].(string)
		if !ok {
			return object, nil
		}
		if !strings.HasPrefix(reference, "#/") {
			return nil, d.wrong("%s refers to %s; references out of the document are not followed", what, quoted(reference))
		}
		if node = pointed(d.root, reference[1:]); node == nil {
			return nil, d.wrong("%s refers to %s, which is not there", what, quoted(reference))
		}
	}
	return nil, d.wrong("%s refers on and on", what)
}

// optional is object, and empty where there is none.
func (d *asyncDocument) optional(what string, node any) (map[string]any, error) {
	if node == nil {
		return nil, nil
	}
	return d.object(what, node)
}

func (d *asyncDocument) wrong(format string, args ...any) error {
	return fault(Failed, nil, "%s: %s", place(d.from), fmt.Sprintf(format, args...))
}

// pointed is what a JSON pointer leads to; nil: nothing.
func pointed(in any, pointer string) any {
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		object, ok := in.(map[string]any)
		if !ok {
			return nil
		}
		in = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]
	}
	return in
}

// channel finds what the definition chooses.
func (d *asyncDocument) channel(choice asyncChoice) (*asyncChannel, error) {
	key, channel, operation, err := d.find(choice)
	if err != nil {
		return nil, err
	}
	c := &asyncChannel{address: key}
	if d.major == "3" {
		c.address, _ = channel["address"].(string)
	}
	if c.address, err = d.address(key, c.address, channel); err != nil {
		return nil, err
	}
	if err := d.describe(c, channel, operation); err != nil {
		return nil, err
	}
	return c, d.serve(c, channel, choice)
}

// find is the channel with its key, and the operation on it.
func (d *asyncDocument) find(choice asyncChoice) (key string, channel, operation map[string]any, err error) {
	channels, err := d.optional("channels", d.root["channels"])
	if err != nil {
		return "", nil, nil, err
	}
	if choice.operation == "" {
		node, ok := channels[choice.channel]
		if !ok {
			return "", nil, nil, fault(Invalid, nil, "the document has no channel %s; it has %s", quoted(choice.channel), listed(slices.Collect(maps.Keys(channels))))
		}
		if channel, err = d.object("channel "+quoted(choice.channel), node); err == nil && d.major == "2" {
			operation, err = d.optional("operation", channel[verb2(choice.subscribes)])
		}
		return choice.channel, channel, operation, err
	}
	if d.major == "2" {
		return d.find2(choice.operation, channels)
	}
	return d.find3(choice.operation, channels)
}

// verb2 is what version 2 calls an operation: from the view of who talks to the
// application.
func verb2(subscribes bool) string {
	if subscribes {
		return "subscribe"
	}
	return "publish"
}

func (d *asyncDocument) find2(id string, channels map[string]any) (string, map[string]any, map[string]any, error) {
	var known []string
	for _, key := range slices.Sorted(maps.Keys(channels)) {
		channel, err := d.object("channel "+quoted(key), channels[key])
		if err != nil {
			return "", nil, nil, err
		}
		for _, verb := range []string{"publish", "subscribe"} {
			operation, err := d.optional("operation", channel[verb])
			if err != nil {
				return "", nil, nil, err
			}
			name, _ := operation["operationId"].(string)
			if name == id {
				return key, channel, operation, nil
			}
			if name != "" {
				known = append(known, name)
			}
		}
	}
	return "", nil, nil, fault(Invalid, nil, "the document has no operation %s; it has %s", quoted(id), listed(known))
}

func (d *asyncDocument) find3(id string, channels map[string]any) (string, map[string]any, map[string]any, error) {
	operations, err := d.optional("operations", d.root["operations"])
	if err != nil {
		return "", nil, nil, err
	}
	node, ok := operations[id]
	if !ok {
		return "", nil, nil, fault(Invalid, nil, "the document has no operation %s; it has %s", quoted(id), listed(slices.Collect(maps.Keys(operations))))
	}
	operation, err := d.object("operation "+quoted(id), node)
	if err != nil {
		return "", nil, nil, err
	}
	reference, _ := operation["channel"].(map[string]any)
	channel, err := d.object("channel of operation "+quoted(id), operation["channel"])
	if err != nil {
		return "", nil, nil, err
	}
	path, _ := reference["$ref"].(string)
	key := path[strings.LastIndexByte(path, '/')+1:]
	if key == "" && len(channels) == 0 {
		key = id
	}
	return key, channel, operation, nil
}

// address is the channel's, with its parameters in place. The DSL has no property
// for them, so that each needs a default.
func (d *asyncDocument) address(key, address string, channel map[string]any) (string, error) {
	if address == "" {
		return "", d.wrong("channel %s has no address", quoted(key))
	}
	if !strings.Contains(address, "{") {
		return address, nil
	}
	parameters, err := d.optional("parameters", channel["parameters"])
	if err != nil {
		return "", err
	}
	for name := range parameters {
		parameter, err := d.object("parameter "+quoted(name), parameters[name])
		if err != nil {
			return "", err
		}
		value, ok := parameter["default"].(string)
		if schema, isObject := parameter["schema"].(map[string]any); !ok && isObject {
			value, ok = schema["default"].(string)
		}
		if ok {
			address = strings.ReplaceAll(address, "{"+name+"}", value)
		}
	}
	if strings.ContainsAny(address, "{}") {
		return "", fault(Invalid, nil, "the address %s of channel %s has parameters without defaults, for which the DSL has no property", quoted(address), quoted(key))
	}
	return address, nil
}

// describe reads what the document says of messages.
func (d *asyncDocument) describe(c *asyncChannel, channel, operation map[string]any) error {
	for _, of := range []map[string]any{operation, channel} {
		bindings, err := d.optional("bindings", of["bindings"])
		if err != nil {
			return err
		}
		c.bindings = append(c.bindings, bindings)
	}
	c.contentType, _ = d.root["defaultContentType"].(string)
	message, err := d.message(channel, operation)
	if err != nil {
		return err
	}
	if own, ok := message["contentType"].(string); ok {
		c.contentType = own
	}
	correlation, err := d.optional("correlationId", message["correlationId"])
	c.correlation, _ = correlation["location"].(string)
	return err
}

// message is the first message that the operation names, or its channel.
func (d *asyncDocument) message(channel, operation map[string]any) (map[string]any, error) {
	node := operation["message"] // version 2
	if list, ok := operation["messages"].([]any); ok && len(list) > 0 {
		node = list[0]
	} else if messages, ok := channel["messages"].(map[string]any); ok && node == nil {
		for _, name := range slices.Sorted(maps.Keys(messages))[:min(1, len(messages))] {
			node = messages[name]
		}
	}
	message, err := d.optional("message", node)
	if err != nil {
		return nil, err
	}
	if several, ok := message["oneOf"].([]any); ok && len(several) > 0 {
		return d.object("message", several[0])
	}
	return message, nil
}
