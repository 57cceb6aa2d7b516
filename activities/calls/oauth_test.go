package calls

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/icholy/digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/secrets"
)

// provider is an authorization server at id.example.com, beside a service at
// api.example.com that says which credentials it was shown.
type provider struct {
	*outside
	given atomic.Int64 // tokens
	// token, if set, answers a request for a token instead; it says whether it did.
	token func(w http.ResponseWriter, r *http.Request, fields url.Values) bool
	// refuses says which tokens the service does not take.
	refuses sync.Map
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	p.outside = startOutside(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Host == "id.example.com" && r.Method == http.MethodPost:
			p.issue(w, r)
		case r.Host == "id.example.com" || r.Host == "other.example.com":
			p.discover(w, r)
		default:
			shown := r.Header.Get("Authorization")
			if _, refused := p.refuses.Load(shown); refused {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			answerJSON(w, http.StatusOK, map[string]any{"scheme": strings.SplitN(shown, " ", 2)[0]})
		}
	})
	return p
}

func (p *provider) issue(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fields, _ := url.ParseQuery(string(body))
	if p.token != nil && p.token(w, r, fields) {
		return
	}
	n := p.given.Add(1)
	answerJSON(w, http.StatusOK, map[string]any{
		"access_token": fmt.Sprintf("issued-%d", n), "refresh_token": fmt.Sprintf("again-%d", n), "token_type": "Bearer", "expires_in": 3600,
	})
}

func (p *provider) discover(w http.ResponseWriter, r *http.Request) {
	realm, found := strings.CutSuffix(r.URL.Path, "/.well-known/openid-configuration")
	issuer := "https://id.example.com" + realm
	document := map[string]any{"issuer": issuer, "token_endpoint": issuer + "/connect/token"}
	switch {
	case !found:
		http.NotFound(w, r)
		return
	case realm == "/impostor":
		document["issuer"] = "https://evil.example.net"
	case realm == "/elsewhere":
		document["token_endpoint"] = "https://evil.example.net/token"
	case realm == "/clear":
		document["token_endpoint"] = "http://id.example.com/token"
	case realm == "/empty":
		document = map[string]any{}
	case realm == "/other":
		document["issuer"] = "https://login.example.com"
	}
	answerJSON(w, http.StatusOK, document)
}

// tokenRequests are what the provider was asked for tokens.
func (p *provider) tokenRequests() []asked {
	var all []asked
	for _, r := range p.requests() {
		if r.Host == "id.example.com" && r.Method == http.MethodPost {
			all = append(all, r)
		}
	}
	return all
}

// seen are the credentials that the service was shown, in order.
func (p *provider) seen() []string {
	var all []string
	for _, r := range p.requests() {
		if r.Host == "api.example.com" {
			all = append(all, r.Header.Get("Authorization"))
		}
	}
	return all
}

func authenticated(scheme string, policy map[string]any) Arguments {
	return Arguments{"method": "get", "uri": "https://api.example.com/x", "authentication": map[string]any{scheme: policy}}
}

func clientPolicy(more map[string]any) map[string]any {
	policy := map[string]any{
		"authority": "https://id.example.com", "grant": "client_credentials",
		"client": map[string]any{"id": "worker", "secret": "client-secret-4711"},
	}
	maps.Copy(policy, more)
	return policy
}

// TestOAuth2_Requests has every grant, and every way in which a client shows who it
// is (A19).
func TestOAuth2_Requests(t *testing.T) {
	client := func(method string) map[string]any {
		return map[string]any{"client": map[string]any{"id": "worker", "secret": "client-secret-4711", "authentication": method}}
	}
	post := "client_id=worker&client_secret=client-secret-4711&grant_type=client_credentials"
	for _, test := range []struct {
		name   string
		policy map[string]any
		path   string
		want   string // of the form, in key order
		header string
	}{
		{"client_secret_post is the default", nil, "/oauth2/token", post, ""},
		{"client_secret_post", client("client_secret_post"), "/oauth2/token", post, ""},
		{"client_secret_basic", client("client_secret_basic"), "/oauth2/token", "grant_type=client_credentials", "Basic d29ya2VyOmNsaWVudC1zZWNyZXQtNDcxMQ=="},
		{"none", client("none"), "/oauth2/token", "client_id=worker&grant_type=client_credentials", ""},
		{
			"private_key_jwt",
			map[string]any{"client": map[string]any{"id": "worker", "assertion": "signed-elsewhere", "authentication": "private_key_jwt"}},
			"/oauth2/token", "client_assertion=signed-elsewhere&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_id=worker&grant_type=client_credentials", "",
		},
		{"scopes, audiences, endpoint", map[string]any{"scopes": []any{"a", "b c"}, "audiences": []any{"x", "y"}, "endpoints": map[string]any{"token": "/issue"}}, "/issue", "audience=x+y&" + post + "&scope=a+b+c", ""},
		{"password", map[string]any{"grant": "password", "username": "ada", "password": "pass-4711"}, "/oauth2/token", "client_id=worker&client_secret=client-secret-4711&grant_type=password&password=pass-4711&username=ada", ""},
		{
			"password of a public client",
			map[string]any{"grant": "password", "username": "ada", "password": "pass-4711", "client": map[string]any{"id": "worker"}},
			"/oauth2/token", "client_id=worker&grant_type=password&password=pass-4711&username=ada", "",
		},
		{"refresh_token", map[string]any{"grant": "refresh_token", "subject": map[string]any{"token": "kept-4711"}}, "/oauth2/token", "client_id=worker&client_secret=client-secret-4711&grant_type=refresh_token&refresh_token=kept-4711", ""},
		{"authorization_code", map[string]any{"grant": "authorization_code", "subject": map[string]any{"token": "code-4711"}}, "/oauth2/token", "client_id=worker&client_secret=client-secret-4711&code=code-4711&grant_type=authorization_code", ""},
		{
			"token exchange",
			map[string]any{
				"grant": tokenExchange, "subject": map[string]any{"token": "subject-4711", "type": "access_token"},
				"actor": map[string]any{"token": "actor-4711", "type": "urn:ietf:params:oauth:token-type:jwt"},
			},
			"/oauth2/token", "actor_token=actor-4711&actor_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&client_id=worker&client_secret=client-secret-4711&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=subject-4711&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token", "",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startProvider(t)
			_, err := p.client(t).HTTP(context.Background(), authenticated("oauth2", clientPolicy(test.policy)), &secrets.Redactor{}, false)
			require.NoError(t, err)
			require.Len(t, p.tokenRequests(), 1)
			r := p.tokenRequests()[0]
			form, err := url.ParseQuery(r.Body)
			require.NoError(t, err)
			assert.Equal(t, []string{test.path, test.want, test.header, formType}, []string{r.URI, form.Encode(), r.Header.Get("Authorization"), r.Header.Get("Content-Type")})
			assert.Equal(t, []string{"Bearer issued-1"}, p.seen())
		})
	}
}

func TestOAuth2_SignsItsOwnAssertion(t *testing.T) {
	p := startProvider(t)
	policy := clientPolicy(map[string]any{"client": map[string]any{"id": "worker", "secret": "client-secret-4711-long-enough-for-HS256", "authentication": "client_secret_jwt"}})
	_, err := p.client(t).HTTP(context.Background(), authenticated("oauth2", policy), &secrets.Redactor{}, false)
	require.NoError(t, err)
	form, err := url.ParseQuery(p.tokenRequests()[0].Body)
	require.NoError(t, err)
	assert.Empty(t, form.Get("client_secret"))
	var claims jwt.RegisteredClaims
	_, err = jwt.ParseWithClaims(form.Get("client_assertion"), &claims, func(*jwt.Token) (any, error) { return []byte("client-secret-4711-long-enough-for-HS256"), nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer("worker"), jwt.WithSubject("worker"), jwt.WithAudience("https://id.example.com/oauth2/token"), jwt.WithExpirationRequired())
	require.NoError(t, err)
	assert.NotEmpty(t, claims.ID)
}

func TestOAuth2_AsksInJSON(t *testing.T) {
	p := startProvider(t)
	_, err := p.client(t).HTTP(context.Background(), authenticated("oauth2", clientPolicy(map[string]any{"request": map[string]any{"encoding": jsonType}})), &secrets.Redactor{}, false)
	require.NoError(t, err)
	r := p.tokenRequests()[0]
	assert.Equal(t, []string{jsonType}, r.Header["Content-Type"])
	assert.JSONEq(t, `{"grant_type": "client_credentials", "client_id": "worker", "client_secret": "client-secret-4711"}`, r.Body)
}

func TestOIDC_Discovery(t *testing.T) {
	oidc := func(realm string, more map[string]any) Arguments {
		policy := clientPolicy(more)
		policy["authority"] = "https://id.example.com/" + realm
		return authenticated("oidc", policy)
	}
	p := startProvider(t)
	client := p.client(t)
	_, err := client.HTTP(context.Background(), oidc("one", nil), &secrets.Redactor{}, false)
	require.NoError(t, err)
	assert.Equal(t, "/one/connect/token", p.tokenRequests()[0].URI)
	_, err = client.HTTP(context.Background(), oidc("other", map[string]any{"issuers": []any{"https://login.example.com"}}), &secrets.Redactor{}, false)
	require.NoError(t, err, "an issuer of another name that is listed")
	for _, test := range []struct {
		realm string
		kind  Kind
		want  string
	}{
		{"impostor", Unauthenticated, `names the issuer "https://evil.example.net"; name it as authority or in issuers`},
		{"elsewhere", Denied, "--call-host evil.example.net"},
		{"clear", Unauthenticated, "not sent over plain HTTP to id.example.com"},
		{"empty", Unauthenticated, "is no OpenID configuration (status 200)"},
	} {
		_, err := client.HTTP(context.Background(), oidc(test.realm, nil), &secrets.Redactor{}, false)
		f := faultOf(t, err)
		assert.Equal(t, test.kind, f.Kind, f)
		assert.Contains(t, f.Error(), test.want)
	}
	assert.Len(t, p.tokenRequests(), 2, "no client was shown to whom it should not")
}

// TestTokens_AreKeptAndRenewed: a token serves until its end, is renewed by its
// refresh token, and replaced where that fails or the service refuses it.
func TestTokens_AreKeptAndRenewed(t *testing.T) {
	p := startProvider(t)
	client := p.client(t)
	call := func() {
		t.Helper()
		_, err := client.HTTP(context.Background(), authenticated("oauth2", clientPolicy(nil)), &secrets.Redactor{}, false)
		require.NoError(t, err)
	}
	var group sync.WaitGroup
	for range 8 { // at once: one asks, the others wait for it
		group.Go(call)
	}
	group.Wait()
	require.Len(t, p.tokenRequests(), 1)
	age(client)
	call()
	require.Len(t, p.tokenRequests(), 2)
	assert.Contains(t, p.tokenRequests()[1].Body, "grant_type=refresh_token&refresh_token=again-1")
	assert.Equal(t, "Bearer issued-2", p.seen()[8])

	p.token = func(w http.ResponseWriter, _ *http.Request, fields url.Values) bool { // refresh tokens are not taken any more
		if fields.Get("grant_type") == "refresh_token" {
			answerJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
			return true
		}
		return false
	}
	age(client)
	call()
	assert.Equal(t, "Bearer issued-3", p.seen()[9])

	p.refuses.Store("Bearer issued-3", true) // revoked
	call()
	assert.Equal(t, []string{"Bearer issued-3", "Bearer issued-4"}, p.seen()[10:])

	for n := 4; n < 8; n++ {
		p.refuses.Store(fmt.Sprintf("Bearer issued-%d", n), true)
	}
	before := len(p.tokenRequests())
	_, err := client.HTTP(context.Background(), authenticated("oauth2", clientPolicy(nil)), &secrets.Redactor{}, false)
	f := faultOf(t, err)
	assert.Equal(t, []any{Failed, 401}, []any{f.Kind, f.Status}, f)
	assert.LessOrEqual(t, len(p.tokenRequests())-before, 2, "a service that takes no token is asked twice, not for ever")
}

// age brings all tokens of a client to their end.
func age(c *Client) {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	for _, k := range c.tokens.all {
		k.token.expires = time.Now().Add(-time.Second)
	}
}

func TestTokens_OfOtherCredentialsAreOthers(t *testing.T) {
	p := startProvider(t)
	client := p.client(t)
	for _, scopes := range []any{nil, []any{"a"}, []any{"b"}, []any{"a"}} {
		more := map[string]any{}
		if scopes != nil {
			more["scopes"] = scopes
		}
		_, err := client.HTTP(context.Background(), authenticated("oauth2", clientPolicy(more)), &secrets.Redactor{}, false)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"Bearer issued-1", "Bearer issued-2", "Bearer issued-3", "Bearer issued-2"}, p.seen())
}

func TestOAuth2_BadAnswers(t *testing.T) {
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{Issuer: "https://evil.example.net"}).SignedString([]byte("k"))
	require.NoError(t, err)
	for _, test := range []struct {
		name   string
		status int
		answer string
		policy map[string]any
		want   string
	}{
		{"error", 400, `{"error": "invalid_client", "error_description": "secret client-secret-4711 is wrong"}`, nil, "authentication oauth2: https://id.example.com/oauth2/token gives no token, status 400 invalid_client: secret ***** is wrong"},
		{"no JSON", 200, `<html>`, nil, "gives no token, status 200"},
		{"another path", 404, `<html>`, nil, "gives no token, status 404; write its path as endpoints.token"},
		{"no token", 200, `{}`, nil, "gives no token, status 200"},
		{"a token with an error's status", 500, `{"access_token": "x-4711"}`, nil, "gives no token, status 500"},
		{"too long", 200, `{"access_token": "` + strings.Repeat("x", maxToken) + `"}`, nil, "gives no document of at most 262144 bytes"},
		{"another type", 200, `{"access_token": "x-4711", "token_type": "mac"}`, nil, `a token of type "mac" is not supported`},
		{"another issuer", 200, `{"access_token": "` + signed + `"}`, map[string]any{"issuers": []any{"https://id.example.com"}}, `the token is of issuer "https://evil.example.net", which is not among issuers`},
		{"unknown grant", 200, ``, map[string]any{"grant": "implicit"}, `grant "implicit" is unknown`},
		{"unknown way", 200, ``, map[string]any{"client": map[string]any{"id": "w", "authentication": "tls"}}, `client authentication "tls" is unknown`},
		{"no assertion", 200, ``, map[string]any{"client": map[string]any{"id": "w", "authentication": "private_key_jwt"}}, `private_key_jwt needs client.assertion`},
		{"no subject", 200, ``, map[string]any{"grant": "refresh_token"}, `grant refresh_token needs subject.token`},
		{"unknown encoding", 200, ``, map[string]any{"request": map[string]any{"encoding": "text/plain"}}, `request.encoding "text/plain" is unknown`},
		{"unlisted authority", 200, ``, map[string]any{"authority": "https://evil.example.net"}, `--call-host evil.example.net`},
		{"authority in the clear", 200, ``, map[string]any{"authority": "http://id.example.com"}, `not sent over plain HTTP to id.example.com`},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startProvider(t)
			p.token = func(w http.ResponseWriter, _ *http.Request, _ url.Values) bool {
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.answer)
				return true
			}
			_, err := p.client(t).HTTP(context.Background(), authenticated("oauth2", clientPolicy(test.policy)), &secrets.Redactor{}, false)
			f := faultOf(t, err)
			assert.Contains(t, f.Error(), test.want)
			assert.NotContains(t, f.Error(), "4711")
			assert.Empty(t, p.seen(), "the service is not asked without a token")
		})
	}
}

// TestDigest_Algorithms answers the challenges that servers set (RFC 7616), with a
// body that is sent again.
func TestDigest_Algorithms(t *testing.T) {
	for _, algorithm := range []string{"", "MD5", "SHA-256", "SHA-512-256"} {
		t.Run("algorithm "+algorithm, func(t *testing.T) {
			challenge := &digest.Challenge{Realm: "test", Nonce: "n1", Algorithm: algorithm, QOP: []string{"auth"}}
			o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
				shown, err := digest.ParseCredentials(r.Header.Get("Authorization"))
				if err == nil {
					want, err := digest.Digest(challenge, digest.Options{
						Method: r.Method, URI: r.URL.RequestURI(), Count: shown.Nc, Cnonce: shown.Cnonce, Username: "ada", Password: "pass-4711",
					})
					if err == nil && want.Response == shown.Response {
						body, _ := io.ReadAll(r.Body)
						answerJSON(w, http.StatusOK, string(body))
						return
					}
				}
				w.Header().Set("WWW-Authenticate", challenge.String())
				w.WriteHeader(http.StatusUnauthorized)
			})
			call := authenticated("digest", map[string]any{"username": "ada", "password": "pass-4711"})
			call["method"], call["body"] = "post", map[string]any{"n": 1}
			result, err := o.client(t).HTTP(context.Background(), call, &secrets.Redactor{}, false)
			require.NoError(t, err)
			assert.Equal(t, `{"n":1}`, result.Output)
			assert.Len(t, o.requests(), 2)
			call = authenticated("digest", map[string]any{"username": "ada", "password": "pass-0815"})
			_, err = o.client(t).HTTP(context.Background(), call, &secrets.Redactor{}, false)
			f := faultOf(t, err)
			assert.Equal(t, []any{Failed, 401}, []any{f.Kind, f.Status})
		})
	}
}

// TestDigest_WhatIsNotAnswered: a challenge of an algorithm that is not known, or of a
// session without a qop, ends in the server's 401, and nothing is made up.
func TestDigest_WhatIsNotAnswered(t *testing.T) {
	for _, challenge := range []string{"", `Digest`, `Digest realm="a"`, `Digest realm="a", nonce="n", algorithm=SHA-256-sess`, `Digest realm="a", nonce="n", algorithm=ROT13-sess, qop="auth"`, `Digest realm="a", nonce="n", algorithm=SHA-256-sess, qop="token"`, `Digest realm="a", nonce="n", algorithm=ROT13`, `Basic realm="a"`} {
		o := startOutside(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
		})
		_, err := o.client(t).HTTP(context.Background(), authenticated("digest", map[string]any{"username": "ada", "password": "pass-4711"}), &secrets.Redactor{}, false)
		assert.Equal(t, 401, faultOf(t, err).Status, challenge)
		for _, r := range o.requests() {
			assert.NotContains(t, r.Header.Get("Authorization"), "Basic")
		}
	}
}

func TestAuthentication_Refused(t *testing.T) {
	o := startOutside(t, nil)
	client := o.client(t, "api.example.com:8080")
	for _, test := range []struct {
		name   string
		policy any
		uri    string
		kind   Kind
		want   string
	}{
		{"unknown scheme", map[string]any{"ntlm": map[string]any{}}, "", Invalid, `authentication scheme "ntlm" is unknown`},
		{"two schemes", map[string]any{"basic": map[string]any{}, "bearer": map[string]any{}}, "", Invalid, "authentication has several schemes: [basic bearer]"},
		{"no token", map[string]any{"bearer": map[string]any{}}, "", Invalid, "authentication bearer: token is missing"},
		{"number", map[string]any{"bearer": map[string]any{"token": json.Number("7")}}, "", Invalid, "authentication bearer: token must be a string, not a number"},
		{"no user", map[string]any{"basic": map[string]any{"password": "x"}}, "", Invalid, "authentication basic: username is missing"},
		{"text", map[string]any{"basic": "ada"}, "", Invalid, "authentication basic must be an object, not a string"},
		{"in the clear", map[string]any{"bearer": map[string]any{"token": "token-4711"}}, "http://api.example.com/", Unauthenticated, "credentials and secrets are not sent over plain HTTP to api.example.com"},
	} {
		t.Run(test.name, func(t *testing.T) {
			call := Arguments{"method": "get", "uri": "https://api.example.com/", "authentication": test.policy}
			if test.uri != "" {
				call["uri"] = test.uri
			}
			_, err := client.HTTP(context.Background(), call, &secrets.Redactor{}, false)
			f := faultOf(t, err)
			assert.Equal(t, test.kind, f.Kind, f)
			assert.Contains(t, f.Error(), test.want)
		})
	}
	assert.Empty(t, o.requests())
}
