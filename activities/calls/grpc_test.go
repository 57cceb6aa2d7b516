package calls

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/calls/callstest"
	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/sandbox/egress"
)

// greeter starts a gRPC service beside o, and a client that reaches it as
// grpc.example.com, with TLS, and as plain.example.com:5011, without.
func (o *outside) greeter(t *testing.T, rules ...string) (*Client, *callstest.Greeter) {
	t.Helper()
	secure, err := callstest.StartGreeter("testdata", &o.server.TLS.Certificates[0])
	require.NoError(t, err)
	t.Cleanup(secure.Stop)
	plain, err := callstest.StartGreeter("testdata", nil)
	require.NoError(t, err)
	t.Cleanup(plain.Stop)
	client := o.client(t, append([]string{"grpc.example.com", "plain.example.com:5011"}, rules...)...)
	client.options.Overrides["grpc.example.com:443"] = secure.Address
	client.options.Overrides["plain.example.com:5011"] = plain.Address
	client.options.Overrides["other.example.com:443"] = plain.Address
	client.options.Plaintext, err = egress.ParseRules([]string{"plain.example.com:5011"})
	require.NoError(t, err)
	return client, secure
}

func greeting(method string, arguments map[string]any) Arguments {
	return Arguments{
		"proto": "https://api.example.com/docs/greet.proto", "service": "greet.Greeter", "host": "grpc.example.com",
		"method": method, "arguments": arguments,
	}
}

func TestGRPC_Answers(t *testing.T) {
	client, _ := startOutside(t, serveDocuments).greeter(t)
	hello := map[string]any{"message": "Hello Ada", "authorization": "", "visits": "0", "titles": []any{}}
	for _, test := range []struct {
		name   string
		call   Arguments
		change map[string]any
		want   any
	}{
		{name: "unary", call: greeting("SayHello", map[string]any{"name": "Ada", "person": map[string]any{"firstName": "A"}}), want: hello},
		{name: "names as the proto has them", call: greeting("SayHello", map[string]any{"name": "Ada", "person": map[string]any{"first_name": "A"}}), want: hello},
		{name: "service without its package", call: greeting("SayHello", map[string]any{"name": "Ada"}), change: map[string]any{"service": "Greeter"}, want: hello},
		{name: "no TLS", call: greeting("SayHello", map[string]any{"name": "Ada"}), change: map[string]any{"host": "plain.example.com", "port": 5011}, want: hello},
		{
			name: "basic", call: greeting("SayHello", map[string]any{"name": "Ada"}),
			change: map[string]any{"authentication": map[string]any{"basic": map[string]any{"username": "u", "password": "pass"}}},
			want:   map[string]any{"message": "Hello Ada", "authorization": "Basic *****", "visits": "0", "titles": []any{}},
		},
		{name: "client stream of one message", call: greeting("Collect", map[string]any{"name": "Ada"}), want: hello},
		{name: "both stream", call: greeting("Chat", map[string]any{"name": "Ada"}), want: []any{hello}},
		{name: "stream", call: greeting("Count", map[string]any{"to": 2}), want: []any{
			map[string]any{"number": "1", "padding": ""}, map[string]any{"number": "2", "padding": ""},
		}},
		{name: "empty stream", call: greeting("Count", nil), want: []any{}},
		{name: "any", call: greeting("Pack", map[string]any{"name": "Ada"}), want: map[string]any{
			"content": map[string]any{"@type": "type.googleapis.com/greet.HelloRequest", "name": "Ada"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			maps.Copy(test.call, test.change)
			result, err := client.GRPC(context.Background(), test.call, &secrets.Redactor{}, false)
			require.NoError(t, err)
			assert.Equal(t, test.want, texts(result.Output))
			assert.Equal(t, http.StatusOK, result.Status)
		})
	}
}

// texts is a value with its numbers as texts.
func texts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, value := range v {
			out[name] = texts(value)
		}
		return out
	case []any:
		out := []any{}
		for _, item := range v {
			out = append(out, texts(item))
		}
		return out
	case fmt.Stringer:
		return v.String()
	}
	return v
}

func TestGRPC_Refusals(t *testing.T) {
	client, _ := startOutside(t, serveDocuments).greeter(t)
	client.options.Timeout = 10 * time.Second
	for _, test := range []struct {
		name   string
		method string
		with   map[string]any
		change map[string]any
		kind   Kind
		status int
		want   string
	}{
		{name: "status", method: "Fail", with: map[string]any{"code": 5, "text": "no such\nguest"}, kind: Failed, status: 404, want: "https://grpc.example.com:443/greet.Greeter/Fail answers with gRPC status NotFound: no such guest"},
		{name: "deadline of the server", method: "Fail", with: map[string]any{"code": 4}, kind: Failed, status: 504, want: "DeadlineExceeded"},
		{name: "unknown status", method: "Fail", with: map[string]any{"code": 99}, kind: Failed, status: 500, want: "gRPC status Code(99)"},
		{name: "unavailable", method: "Fail", with: map[string]any{"code": 14, "text": "later"}, kind: Failed, status: 503, want: "Unavailable: later"},
		{name: "unknown method", method: "Say", kind: Invalid, want: `service "greet.Greeter" has no method "Say"; it has "Chat", "Collect", "Count"`},
		{name: "unknown service", method: "SayHello", change: map[string]any{"service": "GreeterApi.Greeter"}, kind: Invalid, want: `has no service "GreeterApi.Greeter"; it has "greet.Greeter"`},
		{name: "unknown field", method: "SayHello", with: map[string]any{"nome": "Ada"}, kind: Invalid, want: `arguments do not make a greet.HelloRequest: `},
		{name: "wrong type", method: "SayHello", with: map[string]any{"name": 7}, kind: Invalid, want: `arguments do not make a greet.HelloRequest: `},
		{name: "unlisted host", method: "SayHello", change: map[string]any{"host": "grpc.example.org"}, kind: Denied, want: "--call-host grpc.example.org:443"},
		{name: "unlisted port", method: "SayHello", change: map[string]any{"port": 8443}, kind: Denied, want: "--call-host grpc.example.com:8443"},
		{name: "no port", method: "SayHello", change: map[string]any{"port": 70000}, kind: Invalid, want: "port must be from 1 to 65535, not 70000"},
		{name: "host that is a URL", method: "SayHello", change: map[string]any{"host": "grpc.example.com:443/x?"}, kind: Invalid, want: "cannot be read"},
		{name: "TLS to a service without it", method: "SayHello", change: map[string]any{"host": "other.example.com"}, kind: Failed, want: "https://other.example.com:443/greet.Greeter/SayHello is not reached; is it a service without TLS?: tls: first record does not look like a TLS handshake"},
		{
			name: "credentials in the clear to an unlisted port", method: "SayHello", kind: Invalid, want: "digest authentication is HTTP's",
			change: map[string]any{"authentication": map[string]any{"digest": map[string]any{"username": "a", "password": "b"}}},
		},
		{name: "too many bytes at once", method: "Count", with: map[string]any{"to": 1, "size": MaxBody}, kind: Failed, want: "answers with a message of more than 1048576 bytes, the limit; ask for less"},
		{name: "too many bytes in a stream", method: "Count", with: map[string]any{"to": 5, "size": MaxBody / 3}, kind: Failed, want: "streams more than 1048576 bytes or 10000 messages, the limit"},
		{name: "too many messages", method: "Count", with: map[string]any{"to": 10_001}, kind: Failed, want: "streams more than"},
		{name: "too long an argument", method: "SayHello", with: map[string]any{"name": strings.Repeat("x", MaxBody)}, kind: Invalid, want: "arguments make a message of more than 1048576 bytes, the limit"},
		{name: "no proto", method: "SayHello", change: map[string]any{"proto": "https://api.example.com/docs/none.proto"}, kind: Failed, status: 404, want: "status 404"},
		{name: "another document", method: "SayHello", change: map[string]any{"proto": "https://api.example.com/docs/orders.yaml"}, kind: Failed, want: "https://api.example.com/docs/orders.yaml is no proto that can be read: orders.yaml:1:1: syntax error"},
		{name: "a file that is not shared", method: "SayHello", change: map[string]any{"proto": "file://app/greet.proto"}, kind: Forbidden, want: "file:///app/greet.proto is in no folder that calls may read; the operator may share it with --share /app"},
	} {
		t.Run(test.name, func(t *testing.T) {
			call := greeting(test.method, test.with)
			maps.Copy(call, test.change)
			_, err := client.GRPC(context.Background(), call, &secrets.Redactor{}, false)
			f := faultOf(t, err)
			assert.Equal(t, test.kind, f.Kind, f)
			assert.Equal(t, test.status, f.Status)
			assert.Contains(t, f.Error(), test.want)
		})
	}
}

func TestGRPC_CredentialsNeedTLSOrTheOperatorsWord(t *testing.T) {
	client, _ := startOutside(t, serveDocuments).greeter(t, "*.example.com")
	client.options.Overrides["clear.example.com:80"] = "127.0.0.1:1"
	call := greeting("SayHello", map[string]any{"name": "Ada"})
	call["host"], call["port"] = "plain.example.com", 5011
	call["authentication"] = map[string]any{"bearer": map[string]any{"token": "secret-token"}}
	result, err := client.GRPC(context.Background(), call, &secrets.Redactor{}, false)
	require.NoError(t, err)
	assert.Equal(t, "Bearer *****", result.Output.(map[string]any)["authorization"])
	client.options.Plaintext = nil
	_, err = client.GRPC(context.Background(), call, &secrets.Redactor{}, false)
	assert.Contains(t, faultOf(t, err).Error(), "first record does not look like a TLS handshake")
}

func TestGRPC_EndsWithItsCaller(t *testing.T) {
	client, _ := startOutside(t, serveDocuments).greeter(t)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(200*time.Millisecond, cancel)
	_, err := client.GRPC(ctx, greeting("Sleep", nil), &secrets.Redactor{}, false)
	require.ErrorIs(t, err, context.Canceled)
	client.options.Timeout = 500 * time.Millisecond
	_, err = client.GRPC(context.Background(), greeting("Sleep", nil), &secrets.Redactor{}, false)
	assert.Equal(t, TooSlow, faultOf(t, err).Kind)
}

func TestGRPC_ATokenThatIsRefusedIsReplaced(t *testing.T) {
	given := 0
	o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "id.example.com" {
			given++
			answerJSON(w, http.StatusOK, map[string]any{"access_token": fmt.Sprintf("issued-%d", given), "expires_in": 3600})
			return
		}
		serveDocuments(w, r)
	})
	client, service := o.greeter(t)
	call := greeting("SayHello", map[string]any{"name": "Ada"})
	call["authentication"] = map[string]any{"oauth2": map[string]any{
		"authority": "https://id.example.com", "grant": "client_credentials", "client": map[string]any{"id": "worker", "secret": "client-secret"},
	}}
	for range 2 { // the second one's token was kept
		_, err := client.GRPC(context.Background(), call, &secrets.Redactor{}, false)
		require.NoError(t, err)
	}
	assert.Equal(t, 1, given)
	service.Refuses = func(authorization string) bool { return authorization == "Bearer issued-1" }
	_, err := client.GRPC(context.Background(), call, &secrets.Redactor{}, false)
	require.NoError(t, err)
	assert.Equal(t, 2, given)
	service.Refuses = func(string) bool { return true }
	_, err = client.GRPC(context.Background(), call, &secrets.Redactor{}, false)
	f := faultOf(t, err)
	assert.Equal(t, []any{Failed, 401}, []any{f.Kind, f.Status})
	assert.Contains(t, f.Error(), "Unauthenticated: the token is not taken")
}

// TestGRPC_HostileProtos has documents that must end in an error, soon and in
// little memory.
func TestGRPC_HostileProtos(t *testing.T) {
	deep := strings.Repeat("message A { ", 50_000) + strings.Repeat("}", 50_000)
	for name, source := range map[string]string{
		"empty":                "",
		"deep":                 `syntax = "proto3"; ` + deep,
		"deep behind a string": `syntax = "proto3"; option java_package = "}}}'"; /* }}} */ ` + deep,
		"deep brackets":        `syntax = "proto3"; message A { option x = ` + strings.Repeat("[", 200_000) + "}",
		"too long":             `syntax = "proto3"; // ` + strings.Repeat("x", maxProto),
		"not text":             "\x00\xff\xfe",
		"itself":               `syntax = "proto3"; import "x.proto"; service S { rpc M(A) returns (A); } message A {}`,
		"up":                   `syntax = "proto3"; import "../secret.proto";`,
		"elsewhere":            `syntax = "proto3"; import "//other.example.com/x.proto";`,
		"a URL":                `syntax = "proto3"; import "https://other.example.com/x.proto";`,
		"no such import":       `syntax = "proto3"; import "none.proto";`,
		"unknown type":         `syntax = "proto3"; message A { B b = 1; }`,
		"no service":           `syntax = "proto3"; message A {}`,
		"same twice":           `syntax = "proto3"; message A {} message A {}`,
		"many imports":         `syntax = "proto3"; ` + manyImports(60),
	} {
		t.Run(name, func(t *testing.T) {
			o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/x.proto":
					_, _ = w.Write([]byte(source))
				case strings.HasPrefix(r.URL.Path, "/many"):
					_, _ = w.Write([]byte(`syntax = "proto3";`))
				default:
					http.NotFound(w, r)
				}
			})
			client, _ := o.greeter(t)
			call := greeting("SayHello", nil)
			call["proto"] = "https://api.example.com/x.proto"
			_, err := client.GRPC(context.Background(), call, &secrets.Redactor{}, false)
			f := faultOf(t, err)
			assert.Less(t, len(f.Error()), 1000)
			for _, r := range o.requests() {
				assert.Equal(t, "api.example.com", r.Host)
			}
		})
	}
}

// TestGRPC_GooglesTypes are known: nobody is asked for them, and what is wrong with a
// proto that imports one is said, not that they are not where the proto is.
func TestGRPC_GooglesTypes(t *testing.T) {
	o := startOutside(t, serveDocuments)
	client, _ := o.greeter(t)
	_, err := client.GRPC(context.Background(), greeting("SayHello", map[string]any{"name": "Ada"}), &secrets.Redactor{}, false)
	require.NoError(t, err)
	for _, r := range o.requests() {
		assert.NotContains(t, r.URI, "google")
	}
	wrong := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/main.proto":
			_, _ = w.Write([]byte(`syntax = "proto3"; message Other {}`))
		case "/x.proto":
			_, _ = w.Write([]byte(`syntax = "proto3"; import "google/protobuf/any.proto"; import "main.proto"; message A { Other o = 1; B b = 2; }`))
		default:
			http.NotFound(w, r)
		}
	})
	client, _ = wrong.greeter(t)
	call := greeting("SayHello", nil)
	call["proto"] = "https://api.example.com/x.proto"
	_, err = client.GRPC(context.Background(), call, &secrets.Redactor{}, false)
	assert.Contains(t, faultOf(t, err).Error(), "x.proto is no proto that can be read: x.proto:1:102: field A.b: unknown type B")
}

func manyImports(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "import \"many%d.proto\";\n", i)
	}
	return b.String()
}

// TestGRPC_AnswersAreMeasuredBeforeTheyAreShown: few bytes may stand for a long JSON,
// of a message and of all that are streamed together.
func TestGRPC_AnswersAreMeasuredBeforeTheyAreShown(t *testing.T) {
	long := strings.Repeat("n", 100_000)
	source := `syntax = "proto3"; package greet; service Greeter { rpc Count(C) returns (stream R); }
message C { int32 to = 1; int32 size = 2; } message R { int32 ` + long + ` = 1; string b` + long + ` = 2; }`
	o := startOutside(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(source)) })
	client, _ := o.greeter(t)
	_, err := client.GRPC(context.Background(), greeting("Count", map[string]any{"to": 10_000}), &secrets.Redactor{}, false)
	f, ok := errors.AsType[*Fault](err)
	require.True(t, ok, err)
	assert.Equal(t, Failed, f.Kind)
	assert.Equal(t, "the answer is too long or too deep as JSON; ask for less", f.Error())
}

func TestProtoDepth(t *testing.T) {
	for source, want := range map[string]int{
		"": 0, "message A { message B { } }": 2, "// {{{\n{}": 1, "/* {{{ */ {[<(": 4, `"{{{\"{" {}`: 1, "}}}{": 1, "/*": 0, "\"{": 0, "'\n{": 1,
	} {
		assert.Equal(t, want, protoDepth([]byte(source)), source)
	}
}
