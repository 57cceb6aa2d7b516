package worker

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/icholy/digest"
	"github.com/twmb/franz-go/pkg/kfake"

	"lazaret.dev/lazaret/activities/calls"
	"lazaret.dev/lazaret/activities/calls/callstest"
	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/sandbox/egress"
)

// The secrets that cases may read, and what they are: TestSecrets_AreNowhere looks
// for the values in all that is stored.
var canaries = map[string]string{
	"token":    "canary-token-7Qw/x+9=",
	"password": `canary "pässword" <&>`,
	"login":    `{"username": "ada", "password": "canary-login-4711"}`,
	"mySecret": `{"authority": "https://id.example.com/realms/two", "grant": "client_credentials", "client": {"id": "worker", "secret": "canary-client-0815"}}`,
	"client":   `{"authority": "https://id.example.com/realms/one", "grant": "client_credentials", "client": {"id": "worker", "secret": "canary-client-0815"}}`,
}

// standIn is the outside of all cases: HTTPS servers of *.example.com on loopback.
type standIn struct {
	server  *httptest.Server
	public  *publicSite
	dir     string             // of the broker
	greeter *callstest.Greeter // grpc.example.com
	plain   *callstest.Greeter // the same without TLS: plain.example.com:5011
	tokens  atomic.Int64       // given out
	revoked sync.Map           // tokens that are not taken any more
	once    sync.Map           // paths that were asked before
	kafka   *kfake.Cluster
	safe    *kfake.Cluster       // the same with TLS, for ada alone: kafkas.example.com:9093
	broker  *callstest.Mosquitto // nil: not installed
	tools   http.Handler         // speaks MCP: api.example.com/mcp
	vault   *httptest.Server
}

// serviceDocuments are what the documents of the services' tests are in.
const serviceDocuments = "../activities/calls/testdata"

func startStandIn() (s *standIn, err error) {
	s = &standIn{tools: callstest.ToolServer()}
	if s.public, err = startPublicSite(); err != nil {
		return s, err
	}
	s.server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	if s.greeter, err = callstest.StartGreeter(serviceDocuments, &s.server.TLS.Certificates[0]); err != nil {
		return s, err
	}
	if s.plain, err = callstest.StartGreeter(serviceDocuments, nil); err != nil {
		return s, err
	}
	if s.kafka, err = callstest.StartKafka(nil, "", "lights.measured"); err != nil {
		return s, err
	}
	if s.safe, err = callstest.StartKafka(&s.server.TLS.Certificates[0], "canary-login-4711", "lights.measured"); err != nil {
		return s, err
	}
	if s.dir, err = os.MkdirTemp("", "lazaret-broker-"); err != nil {
		return s, err
	}
	s.broker, err = callstest.StartMosquitto(s.dir, s.server.TLS.Certificates[0], "canary-login-4711")
	if errors.Is(err, callstest.ErrNoMosquitto) && os.Getenv("CI") == "" {
		err = nil
	}
	return s, err
}

func (s *standIn) close() {
	s.public.close()
	s.server.CloseClientConnections()
	s.server.Close()
	for _, cluster := range []*kfake.Cluster{s.kafka, s.safe} {
		if cluster != nil {
			cluster.Close()
		}
	}
	if s.broker != nil {
		s.broker.Stop()
	}
	_ = os.RemoveAll(s.dir)
	if s.vault != nil {
		s.vault.Close()
	}
	for _, greeter := range []*callstest.Greeter{s.greeter, s.plain} {
		if greeter != nil {
			greeter.Stop()
		}
	}
}

// supplies lead calls to the stand-in.
func (s *standIn) supplies(dir string) (callSupplies, error) {
	rules, err := egress.ParseRules(append([]string{
		"*.example.com", "plain.example.com:5011", "inside.example.org",
		"kafka.example.com:9092", s.kafka.ListenAddrs()[0], "kafkas.example.com:9093", s.safe.ListenAddrs()[0], "mqtt.example.com:1883", "mqtts.example.com:8883",
	}, publicHosts...))
	if err != nil {
		return callSupplies{}, err
	}
	overrides := map[string]string{}
	for _, host := range []string{"api", "id", "other"} {
		overrides[host+".example.com:443"] = s.server.Listener.Addr().String()
	}
	if s.broker != nil {
		overrides["mqtt.example.com:1883"], overrides["mqtts.example.com:8883"] = s.broker.Plain, s.broker.Secure
	}
	overrides["kafka.example.com:9092"] = s.kafka.ListenAddrs()[0]
	overrides["kafkas.example.com:9093"] = s.safe.ListenAddrs()[0]
	overrides["grpc.example.com:443"] = s.greeter.Address
	overrides["plain.example.com:5011"] = s.plain.Address
	plaintext, err := egress.ParseRules([]string{"plain.example.com:5011"})
	if err != nil {
		return callSupplies{}, err
	}
	overrides["away.example.com:443"] = "127.0.0.1:1" // where nobody listens
	roots := x509.NewCertPool()
	roots.AddCert(s.server.Certificate())
	supplies := callSupplies{options: calls.Options{Rules: rules, Overrides: overrides, Roots: roots, Plaintext: plaintext}, secrets: &secrets.Store{}}
	s.public.trust(&supplies)
	if err := s.keepSecrets(dir, supplies.secrets); err != nil {
		return supplies, err
	}
	return supplies, supplies.secrets.Check(context.Background())
}

// keepSecrets puts each canary where another kind of source finds it: the
// environment, a file, a systemd credential, Vault.
func (s *standIn) keepSecrets(dir string, store *secrets.Store) error {
	for _, name := range []string{"password", "login", "mySecret"} {
		if err := os.WriteFile(dir+"/secret-"+name, []byte(canaries[name]+"\n"), 0o600); err != nil {
			return err
		}
	}
	s.vault = httptest.NewServer(http.HandlerFunc(serveVault))
	for name, value := range map[string]string{
		"LAZARET_TEST_TOKEN": canaries["token"], "CREDENTIALS_DIRECTORY": dir, "VAULT_ADDR": s.vault.URL, "VAULT_TOKEN": vaultToken,
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	vault, err := secrets.NewVault(secrets.VaultOptions{})
	if err != nil {
		return err
	}
	store.UseVault(vault)
	for _, mapping := range []string{
		"token=env:LAZARET_TEST_TOKEN", "password=file:" + dir + "/secret-password", "login=credential:secret-login", "client=vault:kv/client",
		"mySecret=file:" + dir + "/secret-mySecret",
	} {
		if err := store.Add(mapping); err != nil {
			return err
		}
	}
	return nil
}

const vaultToken = "canary-vault-token-1234"

// serveVault answers as Vault's HTTP API does for one secret of a KV engine,
// version 2.
func serveVault(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Header.Get("X-Vault-Token") != vaultToken:
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"errors": ["permission denied"]}`)
	case r.URL.Path == "/v1/sys/internal/ui/mounts/kv/client":
		fmt.Fprint(w, `{"data": {"path": "kv/", "type": "kv", "options": {"version": "2"}}}`)
	case r.URL.Path == "/v1/kv/data/client":
		fmt.Fprintf(w, `{"data": {"data": %s, "metadata": {"version": 1, "created_time": "2026-01-01T00:00:00Z", "deletion_time": "", "destroyed": false}}}`, canaries["client"])
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors": []}`)
	}
}

func (s *standIn) serve(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	if host == "id.example.com" {
		s.identify(w, r)
		return
	}
	path, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch path {
	case "echo", "v2", "v3":
		s.echo(w, r)
	case "async":
		s.exchange(w, r)
	case "sockets":
		callstest.Socket(w, r, 3, func(string, string) {})
	case "mcp":
		s.tools.ServeHTTP(w, r)
	case "agent":
		callstest.Agent{Base: "https://api.example.com/agent"}.ServeHTTP(w, r)
	case "docs":
		http.ServeFile(w, r, serviceDocuments+"/"+rest)
	case "status":
		var code int
		_, _ = fmt.Sscan(rest, &code)
		w.Header().Set("Location", "https://other.example.com/elsewhere")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "the reason is "+r.Header.Get("X-Key"))
	case "text":
		w.Header().Set("Content-Type", "text/plain; charset=iso-8859-1")
		_, _ = w.Write([]byte("gr\xfcn"))
	case "bytes":
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte{0, 255, 1})
	case "large":
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `"`+strings.Repeat("x", calls.MaxBody)+`"`)
	case "broken":
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"a":`)
	case "slow":
		<-r.Context().Done()
	case "once":
		if _, before := s.once.LoadOrStore(r.URL.String(), true); !before {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.echo(w, r)
	case "basic":
		if user, password, _ := r.BasicAuth(); user != "ada" || password != "canary-login-4711" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.echo(w, r)
	case "digest":
		s.digest(w, r)
	case "token":
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, gone := s.revoked.Load(token); gone || !strings.HasPrefix(token, "issued-") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if rest == "last" {
			s.revoked.Store(token, true)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"kept": token})
	default:
		http.NotFound(w, r)
	}
}

// exchange takes any message, and streams some; who shows who they are is told it.
func (s *standIn) exchange(w http.ResponseWriter, r *http.Request) {
	authorization := r.Header.Get("Authorization")
	switch {
	case r.Method != http.MethodGet:
		w.WriteHeader(http.StatusAccepted)
	case authorization != "":
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprintf(w, "data: {\"authorization\": %q}\n\n", authorization)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	default:
		callstest.StreamEvents(w, r, 4)
	}
}

// echo answers with what it was asked, and with it all that it was told.
func (s *standIn) echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(map[string]any{
		"method": r.Method, "host": r.Host, "uri": r.URL.RequestURI(), "type": r.Header.Get("Content-Type"),
		"key": r.Header.Get("X-Key"), "authorization": r.Header.Get("Authorization"),
		"body": string(body), "base64": base64.StdEncoding.EncodeToString(append([]byte("x"), r.Header.Get("X-Key")...)),
	})
}

func (s *standIn) digest(w http.ResponseWriter, r *http.Request) {
	credentials, err := digest.ParseCredentials(r.Header.Get("Authorization"))
	challenge := &digest.Challenge{Realm: "test", Nonce: "n1", Algorithm: "SHA-256", QOP: []string{"auth"}}
	if err == nil {
		want, err := digest.Digest(challenge, digest.Options{
			Method: r.Method, URI: r.URL.RequestURI(), Count: credentials.Nc, Cnonce: credentials.Cnonce,
			Username: "ada", Password: "canary-login-4711",
		})
		if err == nil && want.Response == credentials.Response {
			s.echo(w, r)
			return
		}
	}
	w.Header().Set("WWW-Authenticate", challenge.String())
	w.WriteHeader(http.StatusUnauthorized)
}

// identify is an authorization server and OpenID provider.
func (s *standIn) identify(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if realm, ok := strings.CutSuffix(r.URL.Path, "/.well-known/openid-configuration"); ok {
		authority := "https://id.example.com" + realm
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": authority, "token_endpoint": authority + "/connect/token"})
		return
	}
	fields := map[string]string{}
	body, _ := io.ReadAll(r.Body)
	if r.Header.Get("Content-Type") == "application/json" {
		_ = json.Unmarshal(body, &fields)
	} else {
		r.Body = io.NopCloser(bytes.NewReader(body))
		_ = r.ParseForm()
		for name := range r.PostForm {
			fields[name] = r.PostForm.Get(name)
		}
	}
	if id, secret, ok := r.BasicAuth(); ok {
		fields["client_id"], fields["client_secret"] = id, secret
	}
	if fields["client_assertion"] != "" {
		fields["client_secret"] = "canary-client-0815" // its signature is tested in activities/calls
	}
	if fields["client_id"] != "worker" || fields["client_secret"] != "canary-client-0815" {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error": "invalid_client", "error_description": "secret `+fields["client_secret"]+` is wrong"}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": fmt.Sprintf("issued-%d-%s", s.tokens.Add(1), fields["grant_type"]), "token_type": "Bearer", "expires_in": 3600,
	})
}

// needBroker skips what exchanges messages over MQTT where there is no broker.
func needBroker(t *testing.T, file string) {
	t.Helper()
	if !strings.Contains(file, "-mqtt") {
		return
	}
	temporalSession(t)
	if sharedTemporal.outside.broker == nil && os.Getenv("CI") == "" {
		t.Skip(callstest.ErrNoMosquitto)
	}
}
