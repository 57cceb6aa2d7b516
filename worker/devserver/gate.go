//go:build !nodevserver

package devserver

import (
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"time"

	"lazaret.dev/lazaret/worker/install"
)

// sessionTTL is how long a browser stays logged in; a restart of the server ends
// every session.
const sessionTTL = 12 * time.Hour

// gate stands between the network and the Web UI. It answers logins itself,
// passes requests with a session on with the UI's token, and refuses the rest.
type gate struct {
	host     string // host:port it serves
	port     string
	help     string
	tokens   *gatekeeper
	ui       http.Handler
	codec    http.Handler // nil: payloads are plain
	origins  *http.CrossOriginProtection
	links    *ticketBox
	sessions *ticketBox
}

// newGate returns the gate of a UI served at host (host:port).
func newGate(host string) *gate {
	_, port, _ := net.SplitHostPort(host)
	return &gate{
		host:     host,
		port:     port,
		origins:  http.NewCrossOriginProtection(),
		links:    newTicketBox(LoginLinkTTL),
		sessions: newTicketBox(sessionTTL),
	}
}

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	if !g.ourName(r.Host) {
		// A foreign name that resolves to us: DNS rebinding.
		g.refuse(w, http.StatusMisdirectedRequest, "This is not the host you asked for.")
		return
	}
	if err := g.origins.Check(r); err != nil {
		g.refuse(w, http.StatusForbidden, "The request comes from another site.")
		return
	}
	switch r.URL.Path {
	case install.LoginLinksPath:
		g.mint(w, r)
	case "/login":
		g.login(w, r)
	case codecPath + "/encode", codecPath + "/decode":
		g.open(w, r)
	default:
		g.pass(w, r)
	}
}

// ourName reports whether host is a name under which browsers know us.
func (g *gate) ourName(host string) bool {
	return host == g.host || host == "localhost:"+g.port
}

// pass hands a request with a session to the UI, as principal UI.
func (g *gate) pass(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie(g.cookieName())
	if err != nil || !g.sessions.valid(cookie.Value, time.Now()) {
		g.refuse(w, http.StatusUnauthorized, "Not logged in.")
		return
	}
	r.Header.Set("Authorization", g.tokens.authorizationOf(install.UI))
	g.ui.ServeHTTP(w, r)
}

// codecPath is where payloads are opened and sealed.
const codecPath = "/codec"

// open hands payloads to the codec, for pages of the UI and bearers of the CLI token.
func (g *gate) open(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie(g.cookieName())
	session := err == nil && g.sessions.valid(cookie.Value, time.Now())
	switch {
	case !session && g.tokens.identify(r.Header.Get("Authorization")) != install.CLI:
		g.refuse(w, http.StatusUnauthorized, "Not logged in.")
	case g.codec == nil:
		http.NotFound(w, r)
	default:
		g.codec.ServeHTTP(w, r)
	}
}

// login trades the code of a login link for a session.
func (g *gate) login(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet || !g.links.redeem(r.URL.Query().Get("code"), time.Now()) {
		g.refuse(w, http.StatusUnauthorized, "This login link is used up or expired.")
		return
	}
	session, expires := g.sessions.issue(time.Now())
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // not Secure: the UI is plain HTTP on a loopback address
		Name:     g.cookieName(),
		Value:    session,
		Path:     "/",
		Expires:  expires,
		HttpOnly: true,
		SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// mint makes a login link for another process of the user, who shows the CLI
// token.
func (g *gate) mint(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		g.refuse(w, http.StatusMethodNotAllowed, "Login links are made by POST.")
		return
	}
	if g.tokens.identify(r.Header.Get("Authorization")) != install.CLI {
		g.refuse(w, http.StatusUnauthorized, "Login links are made for the bearer of the CLI token.")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(g.newLink())
}

// newLink makes a login link.
func (g *gate) newLink() install.LoginLink {
	code, expires := g.links.issue(time.Now())
	link := url.URL{Scheme: "http", Host: g.host, Path: "/login", RawQuery: url.Values{"code": {code}}.Encode()}
	return install.LoginLink{URL: link.String(), ExpiresAt: expires}
}

// cookieName has the port in it: cookies do not tell ports of a host apart, and
// two servers would log each other's browsers out.
func (g *gate) cookieName() string { return "lazaret_session_" + g.port }

const refusalPage = `<!doctype html>
<meta charset="utf-8">
<title>lazaret</title>
<h1>%s</h1>
<p>%s A link works once and expires after %d minutes.</p>
`

// refuse answers with a short page that says how to log in.
func (g *gate) refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, refusalPage, why, html.EscapeString(g.help), int(LoginLinkTTL.Minutes()))
}
