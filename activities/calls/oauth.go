package calls

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/hashicorp/go-retryablehttp"

	"lazaret.dev/lazaret/workflows/expression"
)

// maxToken bounds what a token endpoint or a discovery document answers.
const maxToken = 256 << 10

const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange" //nolint:gosec // a name, RFC 8693

// grant is how a token is obtained: the DSL's oauth2 or oidc.
type grant struct {
	scheme    string
	authority *url.URL
	tokenPath string // below the authority; oauth2 only
	kind      string
	client    Arguments
	method    string // by which the client shows who it is
	encoding  string
	issuers   []string
	fields    []pair // of the request, but for the client's
	key       string // of the cache
}

func (s *session) grant(scheme string, data Arguments) (*grant, error) {
	g := &grant{scheme: scheme}
	authority, err := data.text("authority", true)
	if err != nil {
		return nil, err
	}
	if g.authority, err = s.target(strings.TrimSuffix(authority, "/")); err != nil {
		return nil, err
	}
	if g.kind, err = data.text("grant", true); err != nil {
		return nil, err
	}
	if err := g.endpoints(data); err != nil {
		return nil, err
	}
	if err := s.grantClient(g, data); err != nil {
		return nil, err
	}
	if err := s.grantFields(g, data); err != nil {
		return nil, err
	}
	text, err := expression.Encode(map[string]any(data))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte(scheme+" "), text...))
	g.key = hex.EncodeToString(sum[:])
	return g, nil
}

func (g *grant) endpoints(data Arguments) error {
	endpoints, err := data.object("endpoints")
	if err != nil {
		return err
	}
	if g.tokenPath, err = Arguments(endpoints).text("token", false); err != nil {
		return err
	}
	if g.tokenPath == "" {
		g.tokenPath = "/oauth2/token"
	}
	request, err := data.object("request")
	if err != nil {
		return err
	}
	if g.encoding, err = Arguments(request).text("encoding", false); err != nil {
		return err
	}
	if g.encoding == "" {
		g.encoding = formType
	}
	if g.encoding != formType && g.encoding != jsonType {
		return fault(Invalid, nil, "request.encoding %s is unknown", quoted(g.encoding))
	}
	g.issuers, err = data.list("issuers")
	return err
}

func (s *session) grantClient(g *grant, data Arguments) error {
	client, err := data.object("client")
	if err != nil {
		return err
	}
	g.client = Arguments(client)
	if g.method, err = g.client.text("authentication", false); err != nil {
		return err
	}
	for _, part := range []string{"id", "secret", "assertion"} {
		text, err := g.client.text(part, false)
		if err != nil {
			return err
		}
		if part != "id" {
			s.conceal(text)
		}
	}
	switch {
	case g.method != "":
	case client == nil || client["secret"] == nil:
		g.method = "none"
	default:
		g.method = "client_secret_post"
	}
	return nil
}

// grantFields are what the grant itself sends. The DSL has no property for a code
// or a refresh token: it is the subject's token.
func (s *session) grantFields(g *grant, data Arguments) error {
	g.add("grant_type", g.kind)
	for _, list := range []struct{ name, field string }{{"scopes", "scope"}, {"audiences", "audience"}} {
		items, err := data.list(list.name)
		if err != nil {
			return err
		}
		g.add(list.field, strings.Join(items, " "))
	}
	subject, subjectType, err := s.party(data, "subject")
	if err != nil {
		return err
	}
	actor, actorType, err := s.party(data, "actor")
	if err != nil {
		return err
	}
	switch g.kind {
	case "client_credentials":
	case "password":
		user, password, err := s.password(g.scheme, data)
		if err != nil {
			return err
		}
		g.add("username", user)
		g.add("password", password)
	case "refresh_token":
		g.add("refresh_token", subject)
	case "authorization_code":
		g.add("code", subject)
	case tokenExchange:
		g.add("subject_token", subject)
		g.add("subject_token_type", tokenType(subjectType))
		g.add("actor_token", actor)
		g.add("actor_token_type", tokenType(actorType))
	default:
		return fault(Invalid, nil, "grant %s is unknown", quoted(g.kind))
	}
	if subject == "" && (g.kind == "refresh_token" || g.kind == "authorization_code" || g.kind == tokenExchange) {
		return fault(Invalid, nil, "grant %s needs subject.token", g.kind)
	}
	return nil
}

func (s *session) party(data Arguments, name string) (token, kind string, err error) {
	object, err := data.object(name)
	if err != nil || object == nil {
		return "", "", err
	}
	if token, err = Arguments(object).text("token", true); err != nil {
		return "", "", err
	}
	s.conceal(token)
	kind, err = Arguments(object).text("type", false)
	return token, kind, err
}

// tokenType is a token type's URI (RFC 8693, 3), which may be given by its end.
func tokenType(name string) string {
	if name == "" || strings.Contains(name, ":") {
		return name
	}
	return "urn:ietf:params:oauth:token-type:" + name
}

func (g *grant) add(name, value string) {
	if value != "" {
		g.fields = append(g.fields, pair{name, value})
	}
}

// list is an argument that is a list of strings.
func (a Arguments) list(name string) ([]string, error) {
	var texts []string
	switch value := a[name].(type) {
	case nil:
	case []any:
		for _, item := range value {
			text, ok := item.(string)
			if !ok {
				return nil, fault(Invalid, nil, "%s must be strings, not %s", name, kindOf(item))
			}
			texts = append(texts, text)
		}
	default:
		return nil, fault(Invalid, nil, "%s must be an array, not %s", name, kindOf(value))
	}
	return texts, nil
}

// answer is what a token endpoint says (RFC 6749, 5).
type tokenAnswer struct {
	AccessToken  string      `json:"access_token"`
	TokenType    string      `json:"token_type"`
	ExpiresIn    json.Number `json:"expires_in"`
	RefreshToken string      `json:"refresh_token"`
	Error        string      `json:"error"`
	Description  string      `json:"error_description"`
}

// reason is what the endpoint says of the token that it does not give.
func (a *tokenAnswer) reason() string {
	if a.Description == "" {
		return a.Error
	}
	return a.Error + ": " + a.Description
}

// reason is what ends the message of a token that was not given: the endpoint's
// own words, or what may be wrong with where it was looked for.
func (g *grant) reason(status int, said string) string {
	switch {
	case said != "":
		return " " + said
	case status == http.StatusNotFound && g.scheme == "oauth2":
		return "; write its path as endpoints.token"
	}
	return ""
}

// fetch obtains a token, by the refresh token if one is given.
func (s *session) fetch(ctx context.Context, g *grant, refresh string) (*token, error) {
	endpoint, err := s.tokenEndpoint(ctx, g)
	if err != nil {
		return nil, err
	}
	fields := slices.Clone(g.fields)
	if refresh != "" {
		fields = []pair{{"grant_type", "refresh_token"}, {"refresh_token", refresh}}
	}
	header, more, err := g.clientProof(endpoint)
	if err != nil {
		return nil, err
	}
	for _, p := range more {
		s.conceal(secretField(p))
	}
	s.conceal(strings.TrimPrefix(header, "Basic "))
	answer, err := s.askToken(ctx, g, endpoint, header, append(fields, more...))
	if err != nil {
		return nil, err
	}
	s.conceal(answer.AccessToken)
	s.conceal(answer.RefreshToken)
	return s.accept(g, answer)
}

// secretField is the text of a field that is a credential.
func secretField(p pair) string {
	if p.name == "client_id" || p.name == "client_assertion_type" {
		return ""
	}
	return p.text
}

func (s *session) askToken(ctx context.Context, g *grant, endpoint *url.URL, header string, fields []pair) (*tokenAnswer, error) {
	body, err := encodeFields(g.encoding, fields)
	if err != nil {
		return nil, err
	}
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, endpoint.String(), body)
	if err != nil {
		return nil, fault(Invalid, nil, "token endpoint %s cannot be requested", place(endpoint))
	}
	request.Header.Set("Content-Type", g.encoding)
	request.Header.Set("Accept", jsonType)
	request.Header.Set("User-Agent", "lazaret")
	if header != "" {
		request.Header.Set("Authorization", header)
	}
	content, status, err := s.small(request, endpoint)
	if err != nil {
		return nil, err
	}
	var answer tokenAnswer
	if json.Unmarshal(content, &answer) != nil || status != http.StatusOK || answer.AccessToken == "" {
		return nil, fault(Unauthenticated, nil, "authentication %s: %s gives no token, status %d%s", g.scheme, place(endpoint), status, g.reason(status, oneLine(s.redact.Text(answer.reason()))))
	}
	return &answer, nil
}

// small makes a request whose answer is a small document.
func (s *session) small(request *retryablehttp.Request, u *url.URL) ([]byte, int, error) {
	response, err := s.http.Do(request)
	if err != nil {
		err := explain(u, err)
		var f *Fault
		if errors.As(err, &f) && f.Kind == Failed {
			f.Kind = Unauthenticated
		}
		return nil, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxToken+1))
	if err != nil || len(content) > maxToken {
		return nil, 0, fault(Unauthenticated, err, "%s gives no document of at most %d bytes", place(u), maxToken)
	}
	return content, response.StatusCode, nil
}

func encodeFields(encoding string, fields []pair) ([]byte, error) {
	if encoding == jsonType {
		object := map[string]any{}
		for _, f := range fields {
			object[f.name] = f.text
		}
		return expression.Encode(object)
	}
	form := url.Values{}
	for _, f := range fields {
		form.Add(f.name, f.text)
	}
	return []byte(form.Encode()), nil
}

// clientProof is how the client shows who it is: a header or fields (RFC 6749,
// 2.3; RFC 7523).
func (g *grant) clientProof(endpoint *url.URL) (header string, fields []pair, err error) {
	id, _ := g.client["id"].(string)
	secret, _ := g.client["secret"].(string)
	assertion, _ := g.client["assertion"].(string)
	if id != "" && g.method != "client_secret_basic" {
		fields = append(fields, pair{"client_id", id})
	}
	switch g.method {
	case "none":
		return "", fields, nil
	case "client_secret_post":
		return "", append(fields, pair{"client_secret", secret}), nil
	case "client_secret_basic":
		credentials := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials)), nil, nil
	case "client_secret_jwt":
		if assertion == "" {
			assertion, err = signAssertion(id, secret, endpoint)
		}
	case "private_key_jwt":
		if assertion == "" {
			err = fault(Invalid, nil, "client authentication private_key_jwt needs client.assertion")
		}
	default:
		err = fault(Invalid, nil, "client authentication %s is unknown", quoted(g.method))
	}
	return "", append(fields, pair{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, pair{"client_assertion", assertion}), err
}

// assertionLife is how long a client's own assertion is valid.
const assertionLife = time.Minute

func signAssertion(id, secret string, endpoint *url.URL) (string, error) {
	now := time.Now()
	claims := jwt.RegisteredClaims{
		Issuer: id, Subject: id, Audience: jwt.ClaimStrings{endpoint.String()}, ID: nonce(),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(assertionLife)),
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		return "", fault(Unauthenticated, err, "client assertion")
	}
	return text, nil
}

// tokenEndpoint is where tokens are had: below the authority, or where an OpenID
// provider's discovery document says.
func (s *session) tokenEndpoint(ctx context.Context, g *grant) (*url.URL, error) {
	if err := s.confidential(g.authority); err != nil {
		return nil, err
	}
	if g.scheme == "oauth2" {
		return g.authority.JoinPath(g.tokenPath), nil
	}
	u := g.authority.JoinPath("/.well-known/openid-configuration")
	request, err := retryablehttp.NewRequestWithContext(context.WithValue(ctx, idempotentKey{}, true), http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fault(Invalid, nil, "%s cannot be requested", place(u))
	}
	request.Header.Set("User-Agent", "lazaret")
	content, status, err := s.small(request, u)
	if err != nil {
		return nil, err
	}
	var document struct {
		Issuer string `json:"issuer"`
		Token  string `json:"token_endpoint"`
	}
	if status != http.StatusOK || json.Unmarshal(content, &document) != nil || document.Token == "" {
		return nil, fault(Unauthenticated, nil, "%s is no OpenID configuration (status %d)", place(u), status)
	}
	if strings.TrimSuffix(document.Issuer, "/") != g.authority.String() && !slices.Contains(g.issuers, document.Issuer) {
		return nil, fault(Unauthenticated, nil, "%s names the issuer %s; name it as authority or in issuers", place(u), quoted(document.Issuer))
	}
	endpoint, err := s.target(document.Token)
	if err != nil {
		return nil, err
	}
	return endpoint, s.confidential(endpoint)
}

// accept checks a token's own words: its type, and its issuer where the
// definition lists issuers.
func (s *session) accept(g *grant, answer *tokenAnswer) (*token, error) {
	if answer.TokenType != "" && !strings.EqualFold(answer.TokenType, "bearer") && !strings.EqualFold(answer.TokenType, "N_A") {
		return nil, fault(Unauthenticated, nil, "authentication %s: a token of type %s is not supported", g.scheme, quoted(answer.TokenType))
	}
	if len(g.issuers) > 0 {
		// It comes over TLS from the endpoint itself, so its signature is not checked.
		var claims jwt.RegisteredClaims
		if _, _, err := jwt.NewParser().ParseUnverified(answer.AccessToken, &claims); err == nil && !slices.Contains(g.issuers, claims.Issuer) {
			return nil, fault(Unauthenticated, nil, "authentication %s: the token is of issuer %s, which is not among issuers", g.scheme, quoted(claims.Issuer))
		}
	}
	t := &token{access: answer.AccessToken, refresh: answer.RefreshToken}
	if seconds, err := answer.ExpiresIn.Int64(); err == nil && seconds > 0 {
		t.life = time.Duration(min(seconds, int64(maxTokenLife/time.Second))) * time.Second
	}
	return t, nil
}
