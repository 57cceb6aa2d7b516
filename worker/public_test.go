package worker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"lazaret.dev/lazaret/activities/calls/callstest"
)

// publicHosts are the services that the specification's features and examples
// name, at their ports. Worker options lead calls to the stand-in for them.
var publicHosts = []string{
	"petstore.swagger.io:443", "httpbin.org:443", "swapi.dev:443",
	"example.com:443", "fake.com:443", "fake-chat-api.com:443", "fake-hospital.com:443", "hospital.example.com:443",
	"superbet-casinos.com:443", "virtual-wf-powered-race.com:443", "external-service.example.com:443",
	"raw.githubusercontent.com:443", "keycloak:80", "myorg.io:80",
}

// publicSite stands in for publicHosts: on loopback, with a certificate for all
// of their names.
type publicSite struct {
	secure, plain *httptest.Server
	asked         sync.Map // how often, by what
}

func startPublicSite() (*publicSite, error) {
	s := &publicSite{}
	certificate, err := certify(publicHosts)
	if err != nil {
		return nil, err
	}
	s.secure = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.secure.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	s.secure.StartTLS()
	s.plain = httptest.NewServer(http.HandlerFunc(s.serve))
	return s, nil
}

func (s *publicSite) close() {
	s.secure.CloseClientConnections()
	s.secure.Close()
	s.plain.Close()
}

// overrides lead each host to the stand-in.
func (s *publicSite) overrides() map[string]string {
	all := map[string]string{}
	for _, host := range publicHosts {
		all[host] = s.secure.Listener.Addr().String()
		if strings.HasSuffix(host, ":80") {
			all[host] = s.plain.Listener.Addr().String()
		}
	}
	return all
}

// certify makes a certificate for hosts, given with their ports.
func certify(hosts []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	for _, host := range hosts {
		name, _, _ := strings.Cut(host, ":")
		template.DNSNames = append(template.DNSNames, name)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func (s *publicSite) serve(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	switch host {
	case "petstore.swagger.io":
		s.petstore(w, r)
	case "httpbin.org":
		user, password, _ := r.BasicAuth()
		if r.URL.Path != "/basic-auth/"+user+"/"+password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer(w, map[string]any{"authenticated": true, "user": user})
	case "swapi.dev":
		films(w, r)
	case "keycloak":
		realm(w, r)
	case "raw.githubusercontent.com":
		http.ServeFile(w, r, "testdata/public/log.yaml")
	case "fake.com":
		notifications(w, r)
	case "external-service.example.com":
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/api/v3/alert/doctor" { // who is always busy
			<-r.Context().Done()
			return
		}
		answer(w, map[string]any{"asked": r.Method + " " + host + r.URL.Path, "body": json.RawMessage(orNull(body))})
	}
}

// notifications says what it is, and what happens: to who listens, and to who has opened a
// socket.
func notifications(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/docs/asyncapi.json":
		http.ServeFile(w, r, "testdata/public/asyncapi.json")
	case "/events/notifications":
		callstest.StreamEvents(w, r, 5)
	case "/sockets/notifications":
		callstest.Socket(w, r, 5, nil)
	default:
		body, _ := io.ReadAll(r.Body)
		answer(w, map[string]any{"asked": r.Method + " fake.com" + r.URL.Path, "body": json.RawMessage(orNull(body))})
	}
}

func orNull(body []byte) []byte {
	if len(body) == 0 {
		return []byte("null")
	}
	return body
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

// pets are by their ids; the last is shown to who has a token.
var pets = map[string]map[string]any{
	"1":  {"id": 1, "name": "Rex", "status": "available"},
	"2":  {"id": 2, "name": "Bella", "status": "sold"},
	"69": {"id": 69, "name": "Laika", "status": "available"},
	"70": {"id": 70, "name": "Private", "status": "pending"},
}

func (s *publicSite) petstore(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/v2/pet/")
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case r.URL.Path == "/v2/swagger.json":
		http.ServeFile(w, r, "testdata/public/petstore.json")
	case name == "findByStatus":
		found := []any{}
		for _, id := range slices.Sorted(maps.Keys(pets)) {
			if slices.Contains(r.URL.Query()["status"], fmt.Sprint(pets[id]["status"])) {
				found = append(found, pets[id])
			}
		}
		answer(w, found)
	case strings.HasPrefix(name, "busy") && s.odd(name):
		w.WriteHeader(http.StatusServiceUnavailable)
	case strings.HasPrefix(name, "busy"):
		answer(w, pets["1"])
	case name == "70" && token != "reader" && !strings.HasPrefix(token, "issued-"):
		w.WriteHeader(http.StatusUnauthorized)
	case pets[name] == nil:
		http.NotFound(w, r)
	case r.Method == http.MethodPut:
		changed := maps.Clone(pets[name])
		_ = json.NewDecoder(r.Body).Decode(&changed)
		answer(w, changed)
	default:
		answer(w, pets[name])
	}
}

// odd tells the first, third … request from the others.
func (s *publicSite) odd(what string) bool {
	_, asked := s.asked.LoadAndDelete(what)
	if !asked {
		s.asked.Store(what, true)
	}
	return !asked
}

func films(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/people/1":
		answer(w, map[string]any{"name": "Luke Skywalker", "homeworld": "https://swapi.dev/api/planets/1/"})
	case "/api/planets/1/":
		answer(w, map[string]any{"name": "Tatooine"})
	case "/api/people/":
		search := r.URL.Query().Get("search")
		if search == "moved" {
			w.Header().Set("Location", "https://swapi.dev/api/people/1")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusFound)
		}
		answer(w, map[string]any{"searched": search, "accept": r.Header.Get("Accept")})
	default:
		http.NotFound(w, r)
	}
}

// realm is the authority that examples name; it knows one client.
func realm(w http.ResponseWriter, r *http.Request) {
	const authority = "/realms/fake-authority"
	switch r.URL.Path {
	case authority + "/.well-known/openid-configuration":
		answer(w, map[string]string{"issuer": "http://keycloak" + authority, "token_endpoint": "http://keycloak" + authority + "/token"})
	case authority + "/auth/token", authority + "/token":
		if r.PostFormValue("client_id") != "workflow-runtime-id" || r.PostFormValue("client_secret") != "workflow-runtime-secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer(w, map[string]any{"access_token": "issued-" + r.PostFormValue("grant_type"), "token_type": "Bearer", "expires_in": 3600})
	default:
		http.NotFound(w, r)
	}
}

// trust adds the stand-in to what calls reach and believe.
func (s *publicSite) trust(supplies *callSupplies) {
	maps.Copy(supplies.options.Overrides, s.overrides())
	supplies.options.Roots.AddCert(s.secure.Certificate())
}
