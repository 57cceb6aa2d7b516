package calls

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

const (
	// maxTokens bounds how many tokens a client keeps.
	maxTokens    = 1000
	maxTokenLife = 24 * time.Hour
	// tokenLife is that of a token whose endpoint does not say.
	tokenLife = time.Minute
	// tokenSlack is how long before its end a token is not used any more.
	tokenSlack = 10 * time.Second
)

// token is an access token, in memory alone.
type token struct {
	access, refresh string
	life            time.Duration // 0: not said
	expires         time.Time
}

// tokens keeps tokens by how they were obtained.
type tokens struct {
	mu  sync.Mutex
	all map[string]*kept
}

// kept is one token, which one call at a time obtains.
type kept struct {
	mu    sync.Mutex
	token *token
}

func (t *tokens) get(key string) *kept {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil || len(t.all) >= maxTokens {
		t.all = map[string]*kept{}
	}
	k, ok := t.all[key]
	if !ok {
		k = &kept{}
		t.all[key] = k
	}
	return k
}

// tokenAuthorizer puts a token on a request, a kept one if it still holds.
type tokenAuthorizer struct {
	*session
	grant *grant
	used  *token
	old   bool // it was kept from an earlier call
}

func (a *tokenAuthorizer) authorize(ctx context.Context, r *http.Request) error {
	k := a.tokens.get(a.grant.key)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.token != nil && k.token == a.used { // refused just now
		k.token = nil
	}
	if a.old = k.token != nil && time.Now().Before(k.token.expires); !a.old {
		t, err := a.obtain(ctx, k.token)
		if err != nil {
			return err
		}
		k.token = t
	}
	a.used = k.token
	a.conceal(a.used.access)
	r.Header.Set("Authorization", "Bearer "+a.used.access)
	return nil
}

// obtain gets a new token, by the refresh token of the last if it has one.
func (a *tokenAuthorizer) obtain(ctx context.Context, last *token) (*token, error) {
	var t *token
	err := error(nil)
	if last != nil && last.refresh != "" {
		if t, err = a.fetch(ctx, a.grant, last.refresh); err == nil && t.refresh == "" {
			t.refresh = last.refresh
		}
	}
	if t == nil {
		if t, err = a.fetch(ctx, a.grant, ""); err != nil {
			return nil, err
		}
	}
	life := t.life
	if life == 0 {
		life = tokenLife
	}
	t.expires = time.Now().Add(life - min(tokenSlack, life/10))
	return t, nil
}

func (a *tokenAuthorizer) again(*http.Response) bool { return a.old }

// nonce is a text that nobody used before.
func nonce() string { return rand.Text() }
