package codec

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Gate lets requests from one Web UI through to a handler: those that carry the
// token, from a page of that UI's origin alone.
type Gate struct {
	// Origin is the UI's, such as https://temporal.example.org.
	Origin string
	// Token is what Authorization: Bearer has to hold.
	Token string
	// Hosts are the names, host:port, under which the gate answers: others are
	// names that somebody has made resolve to it. None means any, for a server
	// whose certificate names it.
	Hosts []string
	Next  http.Handler
}

// ParseOrigin checks that text is an origin: scheme, host, maybe a port, no more.
// HTTP is taken for loopback addresses alone.
func ParseOrigin(text string) (string, error) {
	u, err := url.Parse(text)
	wrong := err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Path != "" && u.Path != "/")
	local := !wrong && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
	if wrong || u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return "", &Error{Reason: "origin " + `"` + text + `"` + " is not https://HOST[:PORT]", Hint: "take it from the browser's address bar; http is for loopback addresses alone"}
	}
	return u.Scheme + "://" + u.Host, nil
}

// ServeHTTP implements http.Handler.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(g.Hosts) > 0 && !slices.Contains(g.Hosts, r.Host) {
		http.Error(w, "this is not the host you asked for", http.StatusMisdirectedRequest)
		return
	}
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin != "" && origin != g.Origin {
		http.Error(w, "the request comes from another site", http.StatusForbidden)
		return
	}
	if origin != "" {
		w.Header().Set("Access-Control-Allow-Origin", g.Origin)
	}
	if r.Method == http.MethodOptions && origin != "" {
		w.Header().Set("Access-Control-Allow-Methods", http.MethodPost)
		w.Header().Set("Access-Control-Allow-Headers", "Content-Type, X-Namespace, Authorization")
		w.Header().Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if !g.bears(r.Header.Get("Authorization")) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "the request has no token, or a wrong one", http.StatusUnauthorized)
		return
	}
	g.Next.ServeHTTP(w, r)
}

// bears compares digests, which takes no time that depends on the token.
func (g *Gate) bears(authorization string) bool {
	token, found := strings.CutPrefix(authorization, "Bearer ")
	given, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(g.Token))
	return found && g.Token != "" && subtle.ConstantTimeCompare(given[:], want[:]) == 1
}
