package install

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// LoginLinksPath is where the Web UI's address takes requests for login links:
// a POST with the CLI token as bearer, answered by 201 and a [LoginLink].
const LoginLinksPath = "/login-links"

// LoginLink opens a session in the Web UI.
type LoginLink struct {
	// URL works once.
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// LoginLink asks the running server of this folder for a fresh login link.
func (i *Install) LoginLink(ctx context.Context) (LoginLink, error) {
	d, ok, err := i.Running()
	if err != nil {
		return LoginLink{}, err
	}
	if !ok || d.UIAddress == "" {
		return LoginLink{}, &Error{
			Reason: fmt.Sprintf("no Web UI is running on state folder %q", i.dir),
			Hint:   "start one with: lazaret up",
		}
	}
	link, err := i.requestLoginLink(ctx, "http://"+d.UIAddress+LoginLinksPath)
	if err != nil {
		return LoginLink{}, &Error{Reason: "login link from " + d.UIAddress, Err: err}
	}
	return link, nil
}

func (i *Install) requestLoginLink(ctx context.Context, url string) (LoginLink, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return LoginLink{}, err
	}
	req.Header.Set("Authorization", "Bearer "+i.tokens[CLI])
	// A client of its own: a proxy from the environment must never see the token.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return LoginLink{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusCreated {
		return LoginLink{}, fmt.Errorf("unexpected answer: %s", resp.Status)
	}
	var link LoginLink
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&link); err != nil {
		return LoginLink{}, fmt.Errorf("unreadable answer: %w", err)
	}
	return link, nil
}
