//go:build !nodevserver

package devserver_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/worker/install"
)

// browser returns a client that keeps cookies.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
}

// fetch requests url and returns status and body; edit may change the request.
func fetch(t *testing.T, b *http.Client, method, url string, edit func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	if edit != nil {
		edit(req)
	}
	resp, err := b.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"))
	return resp.StatusCode, string(body)
}

func uiURL(path string) string { return "http://" + shared.UIAddress() + path }

func TestUI_NeedsSession(t *testing.T) {
	for _, path := range []string{"/", "/api/v1/settings", "/api/v1/namespaces/default/workflows", "/login", "/login?code=wrong"} {
		code, body := fetch(t, browser(t), http.MethodGet, uiURL(path), nil)
		require.Equal(t, http.StatusUnauthorized, code, path)
		require.Contains(t, body, "The terminal that runs lazaret shows a login link.")
	}
}

func TestUI_LinkWorksOnce(t *testing.T) {
	link := shared.LoginURL()
	require.True(t, strings.HasPrefix(link, uiURL("/login?code=")), link)

	first := browser(t)
	code, body := fetch(t, first, http.MethodGet, link, nil)
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "<html", "the redirect leads to the UI's page")

	code, body = fetch(t, browser(t), http.MethodGet, link, nil)
	require.Equal(t, http.StatusUnauthorized, code)
	require.Contains(t, body, "This login link is used up or expired.")

	code, _ = fetch(t, first, http.MethodGet, uiURL("/api/v1/settings"), nil)
	require.Equal(t, http.StatusOK, code, "the session goes on")
}

func TestUI_SessionCookie(t *testing.T) {
	b := browser(t)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, shared.LoginURL(), http.NoBody)
	require.NoError(t, err)
	resp, err := b.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Len(t, resp.Cookies(), 1)
	cookie := resp.Cookies()[0]
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
}

func TestUI_ListsRun(t *testing.T) {
	c := dial(t, sharedInstall, shared, install.CLI)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "nobody"}, awaitWorkflow)
	require.NoError(t, err)
	b := browser(t)
	fetch(t, b, http.MethodGet, shared.LoginURL(), nil)
	eventually(t, "the UI lists the run", func() bool {
		code, body := fetch(t, b, http.MethodGet, uiURL("/api/v1/namespaces/default/workflows?query="), nil)
		require.Equal(t, http.StatusOK, code, body)
		return strings.Contains(body, run.GetID())
	})
}

func TestUI_RefusesForeignNamesAndSites(t *testing.T) {
	b := browser(t)
	fetch(t, b, http.MethodGet, shared.LoginURL(), nil)
	code, _ := fetch(t, b, http.MethodGet, uiURL("/api/v1/settings"), func(r *http.Request) { r.Host = "evil.example:80" })
	require.Equal(t, http.StatusMisdirectedRequest, code)

	terminate := uiURL("/api/v1/namespaces/default/workflows/x/terminate")
	code, body := fetch(t, b, http.MethodPost, terminate, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") })
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, body, "another site")
	code, _ = fetch(t, b, http.MethodPost, terminate, func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") })
	require.Equal(t, http.StatusForbidden, code)
}

func TestLoginLink_OfOtherProcess(t *testing.T) {
	other, err := install.Open(sharedInstall.Dir())
	require.NoError(t, err)
	link, err := other.LoginLink(t.Context())
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(10*time.Minute), link.ExpiresAt, time.Minute)
	code, _ := fetch(t, browser(t), http.MethodGet, link.URL, nil)
	require.Equal(t, http.StatusOK, code)
}

func TestLoginLink_OnlyForCLIToken(t *testing.T) {
	for name, token := range map[string]string{
		"none": "", "worker": sharedInstall.Token(install.Worker), "ui": sharedInstall.Token(install.UI),
	} {
		code, _ := fetch(t, browser(t), http.MethodPost, uiURL(install.LoginLinksPath), func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+token)
		})
		require.Equal(t, http.StatusUnauthorized, code, name)
	}
	code, _ := fetch(t, browser(t), http.MethodGet, uiURL(install.LoginLinksPath), nil)
	require.Equal(t, http.StatusMethodNotAllowed, code)
}

// eventually polls until what is true, at most 20 s.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("not in time: %s", what)
		case <-tick.C:
		}
	}
}
