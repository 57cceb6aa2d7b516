package calls

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/calls/callstest"
	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/workflows/expression"
)

// messages is what both brokers and an HTTP server exchange, for one test.
type messages struct {
	*outside
	heard chan string // by a WebSocket
	*Client
}

// startMessages serves testdata, and takes and streams messages below /async.
func startMessages(t *testing.T) *messages {
	t.Helper()
	heard := make(chan string, 1)
	o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/async/hooks" && r.Method == http.MethodGet:
			callstest.StreamEvents(w, r, 4)
		case r.URL.Path == "/sockets/lights":
			callstest.Socket(w, r, 3, func(text, authorization string) { heard <- text + " by " + authorization })
		case r.URL.Path == "/sockets/long":
			longSocket(w, r)
		case strings.HasPrefix(r.URL.Path, "/async/"):
			w.WriteHeader(http.StatusAccepted)
		default:
			serveDocuments(w, r)
		}
	})
	return &messages{o, heard, o.client(t, "kafka.example.com:9092", "kafkas.example.com:9093", "mqtt.example.com:1883", "mqtts.example.com:8883")}
}

// kafka starts a cluster and leads the client to it.
func (m *messages) kafka(t *testing.T, certificate *tls.Certificate) {
	t.Helper()
	cluster, err := callstest.StartKafka(certificate, "pass-4711", "lights.measured")
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	address := cluster.ListenAddrs()[0]
	rule, err := egress.ParseRule(address) // the broker names itself so
	require.NoError(t, err)
	m.options.Rules = append(m.options.Rules, rule)
	m.dialer.Rules = m.options.Rules
	m.options.Overrides["kafka.example.com:9092"], m.options.Overrides["kafkas.example.com:9093"] = address, address
}

func (m *messages) mosquitto(t *testing.T) *callstest.Mosquitto {
	t.Helper()
	broker, err := callstest.StartMosquitto(t.TempDir(), m.server.TLS.Certificates[0], "pass-4711")
	if errors.Is(err, callstest.ErrNoMosquitto) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(broker.Stop)
	m.options.Overrides["mqtt.example.com:1883"], m.options.Overrides["mqtts.example.com:8883"] = broker.Plain, broker.Secure
	return broker
}

func lights(server string, more Arguments) Arguments {
	a := Arguments{"document": "https://api.example.com/docs/lights-3.yaml", "operation": "sendMeasured", "serverName": server}
	maps.Copy(a, more)
	return a
}

func (m *messages) send(t *testing.T, a Arguments) {
	t.Helper()
	result, err := m.AsyncAPI(context.Background(), a, &secrets.Redactor{}, false)
	require.NoError(t, err)
	assert.Nil(t, result.Output)
}

// takes makes one activity's call: what it took, as texts, and its position.
func (m *messages) takes(t *testing.T, a Arguments, subscription map[string]any) ([]any, any) {
	t.Helper()
	subscription["session"] = t.Name()
	a["subscription"] = subscription
	result, err := m.AsyncAPI(context.Background(), a, &secrets.Redactor{}, false)
	require.NoError(t, err)
	text, err := expression.Encode(result.Output) // as it comes back from a history
	require.NoError(t, err)
	value, err := expression.Decode(text)
	require.NoError(t, err)
	output, ok := value.(map[string]any)
	require.True(t, ok)
	taken, ok := output["messages"].([]any)
	require.True(t, ok)
	return taken, output["position"]
}

func numbersOf(t *testing.T, taken []any) string {
	t.Helper()
	text, err := json.Marshal(taken)
	require.NoError(t, err)
	var list []struct {
		Payload struct {
			N int `json:"n"`
		} `json:"payload"`
	}
	require.NoError(t, json.Unmarshal(text, &list))
	numbers := ""
	for _, m := range list {
		numbers += fmt.Sprint(m.Payload.N)
	}
	return numbers
}

// TestAsyncAPI_NothingIsLostBetweenActivities takes some messages, then others
// that came in between, from where the first stood; an activity that is made
// again takes the same.
func TestAsyncAPI_NothingIsLostBetweenActivities(t *testing.T) {
	for _, server := range []string{"stream", "broker"} {
		t.Run(server, func(t *testing.T) {
			m := startMessages(t)
			if server == "stream" {
				m.kafka(t, nil)
			} else {
				m.mosquitto(t)
			}
			receive := func() Arguments { return lights(server, Arguments{"operation": "receiveMeasured"}) }
			send := func(n int) {
				m.send(t, lights(server, Arguments{"payload": map[string]any{"n": n}, "headers": map[string]any{"trace": "t1"}}))
			}
			send(9) // before anybody listens: not for us
			taken, position := m.takes(t, receive(), map[string]any{"wait": 500})
			assert.Empty(t, taken)
			for n := range 3 {
				send(n + 1)
			}
			first, behind := m.takes(t, receive(), map[string]any{"amount": 2, "position": position})
			assert.Equal(t, "12", numbersOf(t, first))
			assert.Equal(t, map[string]any{"payload": map[string]any{"n": json.Number("1")}, "headers": map[string]any{"trace": "t1"}, "correlationId": "t1"}, first[0])
			again, _ := m.takes(t, receive(), map[string]any{"amount": 2, "position": position})
			assert.Equal(t, "12", numbersOf(t, again), "an activity whose worker was lost is made again")
			send(4)
			rest, last := m.takes(t, receive(), map[string]any{"amount": 2, "position": behind})
			assert.Equal(t, "34", numbersOf(t, rest))
			none, _ := m.takes(t, receive(), map[string]any{"wait": 500, "position": last})
			assert.Empty(t, none)
		})
	}
}

// TestAsyncAPI_BrokersThatAClusterNames are dialled like those of the document: a
// cluster leads nobody to a host that is not listed.
func TestAsyncAPI_BrokersThatAClusterNames(t *testing.T) {
	m := startMessages(t)
	m.kafka(t, nil)
	m.dialer.Rules = m.options.Rules[:len(m.options.Rules)-1]
	_, err := m.AsyncAPI(context.Background(), lights("stream", Arguments{"payload": map[string]any{"n": 1}}), &secrets.Redactor{}, false)
	f := faultOf(t, err)
	assert.Equal(t, Denied, f.Kind, f)
	assert.Contains(t, f.Error(), "127.0.0.1")

	// Nor are credentials sent in the clear where it leads, unless that port is listed.
	k := &kafka{peer: &asyncPeer{session: &session{Client: m.Client}, asyncChannel: &asyncChannel{}, policy: map[string]any{"basic": nil}}}
	_, err = k.dial(context.Background(), "tcp", "api.example.com:443")
	f = faultOf(t, err)
	assert.Equal(t, Unauthenticated, f.Kind)
	assert.Contains(t, f.Error(), "not sent without TLS to api.example.com:443")
}

func TestAsyncAPI_HTTP(t *testing.T) {
	m := startMessages(t)
	m.send(t, lights("web", Arguments{"operation": "putHook", "payload": map[string]any{"n": 1}, "headers": map[string]any{"X-Key": "k"}}))
	m.send(t, lights("staged", Arguments{"operation": "putHook", "payload": map[string]any{"n": 1}, "serverVariables": map[string]any{"stage": "other"}}))
	m.send(t, Arguments{"document": "https://api.example.com/docs/lights-2.json", "channel": "hooks", "payload": map[string]any{"n": 1}})
	var sent []string
	for _, r := range m.requests() {
		if !strings.HasPrefix(r.URI, "/docs/") {
			sent = append(sent, fmt.Sprintf("%s %s %s %s %s %s", r.Method, r.Host, r.URI, r.Header.Get("Content-Type"), r.Header.Get("X-Key"), r.Body))
		}
	}
	assert.Equal(t, []string{
		`PUT api.example.com:443 /async/hooks application/json k {"n":1}`,
		`PUT other.example.com:443 /async/hooks application/json  {"n":1}`,
		`PATCH api.example.com:443 /async/hooks application/json  {"n":1}`,
	}, sent)
	hooks := func() Arguments { return lights("web", Arguments{"operation": nil, "channel": "hooks"}) }
	taken, position := m.takes(t, hooks(), map[string]any{"amount": 3})
	assert.Equal(t, "123", numbersOf(t, taken))
	rest, _ := m.takes(t, hooks(), map[string]any{"position": position, "eager": true})
	assert.Equal(t, "4", numbersOf(t, rest))
}

func TestAsyncAPI_WebSocket(t *testing.T) {
	m := startMessages(t)
	m.send(t, lights("socket", Arguments{
		"operation": nil, "channel": "socket", "payload": map[string]any{"n": 1}, "headers": map[string]any{"X-Key": "k"},
		"authentication": map[string]any{"bearer": map[string]any{"token": "secret-token"}},
	}))
	assert.Equal(t, `{"n":1} by Bearer secret-token`, <-m.heard)
	taken, _ := m.takes(t, lights("socket", Arguments{"operation": nil, "channel": "socket"}), map[string]any{"amount": 2})
	assert.Equal(t, "12", numbersOf(t, taken))
	taken, _ = m.takes(t, lights("socket", Arguments{"operation": nil, "channel": "socket"}), map[string]any{"wait": 1000})
	assert.Equal(t, "123", numbersOf(t, taken))
	for channel, want := range map[string]string{
		"long": "has a message of more than 1048576 bytes, the limit", "none": "is no WebSocket that works: failed to WebSocket dial: expected handshake response status code 101 but got 200",
	} {
		_, err := m.AsyncAPI(context.Background(), lights("socket", Arguments{
			"operation": nil, "channel": channel, "subscription": map[string]any{"session": "s", "amount": 1},
		}), &secrets.Redactor{}, false)
		assert.Contains(t, faultOf(t, err).Error(), want)
	}
}

// longSocket says more at once than a message may have.
func longSocket(w http.ResponseWriter, r *http.Request) {
	connection, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = connection.CloseNow() }()
	_ = connection.Write(r.Context(), websocket.MessageText, make([]byte, MaxBody+1))
	_, _, _ = connection.Read(r.Context())
}

func TestAsyncAPI_Version2(t *testing.T) {
	m := startMessages(t)
	m.kafka(t, nil)
	document := "https://api.example.com/docs/lights-2.json"
	_, position := m.takes(t, Arguments{"document": document, "operation": "readLights"}, map[string]any{"wait": 300})
	m.send(t, Arguments{"document": document, "channel": "lights.measured", "payload": map[string]any{"n": 7, "id": "a"}})
	m.send(t, Arguments{"document": document, "operation": "reportLight", "payload": map[string]any{"n": 8, "id": "b"}})
	taken, _ := m.takes(t, Arguments{"document": document, "channel": "lights.measured"}, map[string]any{"amount": 2, "position": position})
	require.Equal(t, "78", numbersOf(t, taken))
	last, ok := taken[1].(map[string]any)
	require.True(t, ok)
	assert.Equal(t, "b", last["correlationId"])
}

func TestAsyncAPI_Filters(t *testing.T) {
	m := startMessages(t)
	m.kafka(t, nil)
	receive := func(source string) Arguments {
		return lights("stream", Arguments{"operation": "receiveMeasured", "filter": map[string]any{
			"source": source, "variables": map[string]any{"context": map[string]any{"least": 3}}, "now": "2026-01-02T03:04:05Z",
		}})
	}
	_, position := m.takes(t, receive("${ .payload.n >= $context.least }"), map[string]any{"wait": 300})
	for n := range 5 {
		m.send(t, lights("stream", Arguments{"payload": map[string]any{"n": n + 1}}))
	}
	taken, _ := m.takes(t, receive("${ .payload.n >= $context.least }"), map[string]any{"amount": 2, "position": position})
	assert.Equal(t, "34", numbersOf(t, taken))
	// What a filter cannot make sense of does not pass, however long it would take.
	for _, source := range []string{"${ .payload.n.x.y }", "${ error }", "${ 7 }", "${ repeat(1) }"} {
		none, _ := m.takes(t, receive(source), map[string]any{"wait": 400, "position": position})
		assert.Empty(t, none, source)
	}
}

func TestAsyncAPI_Credentials(t *testing.T) {
	basic := map[string]any{"basic": map[string]any{"username": "ada", "password": "pass-4711"}}
	wrong := map[string]any{"basic": map[string]any{"username": "ada", "password": "pass-0815"}}
	for _, server := range []string{"securestream", "securebroker"} {
		t.Run(server, func(t *testing.T) {
			m := startMessages(t)
			if server == "securestream" {
				m.kafka(t, &m.server.TLS.Certificates[0])
			} else {
				m.mosquitto(t)
			}
			m.send(t, lights(server, Arguments{"payload": map[string]any{"n": 1}, "authentication": basic}))
			_, err := m.AsyncAPI(context.Background(), lights(server, Arguments{"payload": map[string]any{"n": 1}, "authentication": wrong}), &secrets.Redactor{}, false)
			f := faultOf(t, err)
			if server == "securebroker" { // this cluster only hangs up
				assert.Equal(t, Unauthenticated, f.Kind, f)
			}
			assert.NotContains(t, f.Error(), "pass-0815")
			_, err = m.AsyncAPI(context.Background(), lights(server, Arguments{
				"payload": map[string]any{"n": 1}, "authentication": map[string]any{"digest": map[string]any{"username": "a", "password": "b"}},
			}), &secrets.Redactor{}, false)
			assert.Equal(t, Invalid, faultOf(t, err).Kind)
		})
	}
}

func TestAsyncAPI_Refusals(t *testing.T) {
	m := startMessages(t)
	m.options.Overrides["mqtt.example.com:1883"] = "127.0.0.1:1" // nobody is there
	m.options.Overrides["kafka.example.com:9092"] = "127.0.0.1:1"
	basic := map[string]any{"basic": map[string]any{"username": "ada", "password": "pass-4711"}}
	m.options.Rules = m.options.Rules[:3] // the brokers are not listed with their ports
	m.dialer.Rules = append(m.options.Rules, mustRule(t, "*.example.com:9092"), mustRule(t, "*.example.com:1883"))
	for _, test := range []struct {
		name string
		call Arguments
		kind Kind
		want string
	}{
		{"no document", lights("web", Arguments{"document": "https://api.example.com/docs/none.yaml"}), Failed, "status 404"},
		{"another document", lights("web", Arguments{"document": "https://api.example.com/docs/petstore.json"}), Failed, `neither "asyncapi: 2.…" nor "asyncapi: 3.…"`},
		{"unknown operation", lights("stream", Arguments{"operation": "none"}), Invalid, `the document has no operation "none"; it has "keepMeasured", "lost", "putHook", "receiveMeasured"`},
		{"unknown channel", lights("stream", Arguments{"operation": nil, "channel": "nothing"}), Invalid, `the document has no channel "nothing"; it has "circle"`},
		{"channel that is not there", lights("stream", Arguments{"operation": "lost"}), Failed, `refers to "#/channels/nothing", which is not there`},
		{"channel elsewhere", lights("stream", Arguments{"operation": nil, "channel": "outside"}), Failed, `references out of the document are not followed`},
		{"circle", lights("stream", Arguments{"operation": nil, "channel": "circle"}), Failed, `refers on and on`},
		{"no address", lights("stream", Arguments{"operation": nil, "channel": "nowhere"}), Failed, `channel "nowhere" has no address`},
		{"parameters", lights("stream", Arguments{"operation": nil, "channel": "ofOne"}), Invalid, `has parameters without defaults`},
		{"unknown server", lights("none", nil), Invalid, `the channel has no server "none"; it has "broker"`},
		{"server of another channel", lights("stream", Arguments{"operation": "putHook"}), Invalid, `the channel has no server "stream"; it has "staged", "web"`},
		{"server of another protocol", lights("stream", Arguments{"protocol": "mqtt"}), Invalid, `server "stream" speaks "kafka", not "mqtt"`},
		{"protocol that is not spoken", lights("old", nil), Invalid, `server "old" speaks "nats"; lazaret speaks HTTP, WebSocket, Kafka and MQTT`},
		{"no server of a protocol", lights("", Arguments{"operation": "putHook", "protocol": "kafka"}), Invalid, `no server of protocol "kafka"`},
		{"unknown variable", lights("staged", Arguments{"operation": "putHook", "serverVariables": map[string]any{"x": 1}}), Invalid, `server "staged" has no variable "x"; it has "stage"`},
		{"forbidden variable", lights("staged", Arguments{"operation": "putHook", "serverVariables": map[string]any{"stage": "evil.example.net/"}}), Invalid, `may not be "evil.example.net/"`},
		{"unlisted host", lights("elsewhere", nil), Denied, `--call-host broker.example.net:9092`},
		{"inside", lights("inside", nil), Denied, `169.254.169.254`},
		{"credentials in the clear", lights("broker", Arguments{"authentication": basic}), Unauthenticated, `not sent without TLS to mqtt.example.com:1883`},
		{"text messages", lights("web", Arguments{"operation": nil, "channel": "texts"}), Invalid, `lazaret sends JSON alone`},
		{"long message", lights("broker", Arguments{"payload": map[string]any{"x": strings.Repeat("x", MaxBody)}}), Invalid, `over the limit of 1048576`},
		{"nobody there", lights("broker", nil), Failed, `mqtt://mqtt.example.com:1883 is not reached`},
		{"no cluster there", lights("stream", nil), Failed, `kafka://kafka.example.com:9092 is not reached`},
		{"own header", lights("web", Arguments{"operation": "putHook", "headers": map[string]any{"Host": "x"}}), Invalid, `header "Host" is set by the worker itself`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := m.AsyncAPI(context.Background(), test.call, &secrets.Redactor{}, false)
			f := faultOf(t, err)
			assert.Equal(t, test.kind, f.Kind, f)
			assert.Contains(t, f.Error(), test.want)
		})
	}
}

func mustRule(t *testing.T, text string) egress.Rule {
	t.Helper()
	rule, err := egress.ParseRule(text)
	require.NoError(t, err)
	return rule
}

// TestAsyncAPI_HostileBrokers has servers that are no brokers, or broken ones.
func TestAsyncAPI_HostileBrokers(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"nothing":         "",
		"HTTP":            "HTTP/1.1 400 Bad Request\r\n\r\n",
		"a packet of 256": "\x20\xff\xff\xff\x7f",
		"a long length":   "\x20\xff\xff\xff\xff\xff\x01",
		"half a packet":   "\x20\x7f",
		"garbage":         strings.Repeat("\xff\x00\x01\x80", 10_000),
	} {
		for _, server := range []string{"broker", "stream"} {
			if server == "stream" && (name == "nothing" || name == "half a packet") {
				continue // a cluster that says nothing is tried again for a while
			}
			t.Run(name+" as "+server, func(t *testing.T) {
				t.Parallel()
				m := startMessages(t)
				m.options.Timeout = 20 * time.Second
				address := saying(t, says)
				m.options.Overrides["mqtt.example.com:1883"], m.options.Overrides["kafka.example.com:9092"] = address, address
				_, err := m.AsyncAPI(context.Background(), lights(server, nil), &secrets.Redactor{}, false)
				f := faultOf(t, err)
				assert.Contains(t, []Kind{Failed, TooSlow}, f.Kind, f)
				assert.Less(t, len(f.Error()), 1000)
			})
		}
	}
}

// saying serves a text to whoever connects, and closes.
func saying(t *testing.T, text string) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.WriteString(connection, text)
				time.Sleep(100 * time.Millisecond)
				_ = connection.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func TestReadAsyncAPI_Hostile(t *testing.T) {
	for _, text := range []string{
		"", "7", "[]", "asyncapi: 1.2.0", "asyncapi: [3.0]", "{", "a: &a [*a, *a]", `{"asyncapi": "3.0.0", "servers": 7, "channels": {"c": {"address": "x"}}}`,
		`{"asyncapi": "3.0.0", "channels": 7}`, `{"asyncapi": "3.0.0", "channels": {"c": 7}}`, `{"asyncapi": "3.0.0", "channels": {"c": {"address": 7}}}`,
		`{"asyncapi": "3.0.0", "channels": {"c": {"address": "x", "servers": [7]}}}`, `{"asyncapi": "3.0.0", "channels": {"c": {"address": "x", "servers": [{"$ref": "#/servers/z"}]}}}`,
		`{"asyncapi": "3.0.0", "channels": {"c": {"address": "x", "bindings": 7}}}`, `{"asyncapi": "3.0.0", "channels": {"c": {"address": "x", "messages": {"m": 7}}}}`,
		`{"asyncapi": "2.0.0", "channels": {"c": {"publish": 7}}}`, `{"asyncapi": "2.0.0", "channels": {"c": {"publish": {"message": {"oneOf": [7]}}}}}`,
		`{"asyncapi": "2.0.0", "servers": {"s": {"url": "kafka://u:p@x", "protocol": "kafka"}}, "channels": {"c": {}}}`,
		`{"asyncapi": "2.0.0", "servers": {"s": {"url": "://", "protocol": "kafka"}}, "channels": {"c": {}}}`,
		`{"asyncapi": "2.0.0", "servers": {"s": {"protocol": "kafka"}}, "channels": {"c": {}}}`,
		`{"asyncapi": "2.0.0", "servers": {"s": {"url": "{a}", "protocol": "kafka", "variables": {"a": {"default": {"x": 1}}}}}, "channels": {"c": {}}}`,
		`{"asyncapi": "2.0.0", "channels": {"c": {"$ref": "#/` + strings.Repeat("a/", 5000) + `"}}}`,
	} {
		document, err := readAsyncAPI([]byte(text), &url.URL{Scheme: "https", Host: "api.example.com", Path: "/x"})
		if err == nil {
			_, err = document.channel(asyncChoice{channel: "c"})
		}
		f := faultOf(t, err)
		assert.Less(t, len(f.Error()), 1000, text)
	}
}
