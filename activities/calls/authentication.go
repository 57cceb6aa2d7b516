package calls

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// authorizer puts credentials on a request. It serves one call.
type authorizer interface {
	// authorize adds them to a request that is about to be sent.
	authorize(ctx context.Context, r *http.Request) error
	// again says whether, after this 401, another attempt has other credentials.
	again(response *http.Response) bool
}

// authorizer makes what a policy asks for: an object with one scheme, whose
// secrets are in place.
func (s *session) authorizer(policy map[string]any) (authorizer, error) {
	if len(policy) == 0 {
		return nothing{}, nil
	}
	if len(policy) > 1 {
		return nil, fault(Invalid, nil, "authentication has several schemes: %v", slices.Sorted(maps.Keys(policy)))
	}
	for scheme, value := range policy {
		data, ok := value.(map[string]any)
		if !ok {
			return nil, fault(Invalid, nil, "authentication %s must be an object, not %s", scheme, kindOf(value))
		}
		return s.scheme(scheme, Arguments(data))
	}
	return nothing{}, nil
}

func (s *session) scheme(scheme string, data Arguments) (authorizer, error) {
	switch scheme {
	case "basic", "digest":
		user, password, err := s.password(scheme, data)
		if err != nil {
			return nil, err
		}
		if scheme == "digest" {
			return &digestAuthorizer{user: user, password: password}, nil
		}
		credentials := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
		s.conceal(credentials)
		return fixed("Basic " + credentials), nil
	case "bearer":
		token, err := data.text("token", true)
		if err != nil {
			return nil, incomplete(scheme, err)
		}
		s.conceal(token)
		return fixed("Bearer " + token), nil
	case "oauth2", "oidc":
		grant, err := s.grant(scheme, data)
		if err != nil {
			return nil, incomplete(scheme, err)
		}
		return &tokenAuthorizer{session: s, grant: grant}, nil
	}
	return nil, fault(Invalid, nil, "authentication scheme %s is unknown; there are basic, bearer, digest, oauth2 and oidc", quoted(scheme))
}

func (s *session) password(scheme string, data Arguments) (user, password string, err error) {
	if user, err = data.text("username", true); err != nil {
		return "", "", incomplete(scheme, err)
	}
	if password, err = data.text("password", false); err != nil {
		return "", "", incomplete(scheme, err)
	}
	s.conceal(password)
	return user, password, nil
}

func incomplete(scheme string, err error) error {
	if f, ok := errors.AsType[*Fault](err); ok {
		return fault(f.Kind, nil, "authentication %s: %s", scheme, f.Detail)
	}
	return fmt.Errorf("authentication %s: %w", scheme, err)
}

// conceal keeps a credential out of what is shown.
func (s *session) conceal(credential string) {
	if s.redact != nil {
		s.redact.Add(credential)
	}
}

// nothing adds no credentials.
type nothing struct{}

func (nothing) authorize(context.Context, *http.Request) error { return nil }

func (nothing) again(*http.Response) bool { return false }

// fixed is an Authorization that is the same each time.
type fixed string

func (f fixed) authorize(_ context.Context, r *http.Request) error {
	r.Header.Set("Authorization", string(f))
	return nil
}

func (fixed) again(*http.Response) bool { return false }
