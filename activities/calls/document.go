package calls

import (
	"context"
	"net/http"
	"net/url"
)

// maxDocument bounds a document that describes a service, in bytes.
const maxDocument = 8 << 20

// document fetches what describes a service (OpenAPI, AsyncAPI, proto, an agent's
// card), from where calls may go. name is the argument with its URL; the argument
// that ends in Authentication has the policy.
func (s *session) document(ctx context.Context, a Arguments, name string) ([]byte, *url.URL, error) {
	text, err := a.text(name, true)
	if err != nil {
		return nil, nil, err
	}
	u, err := s.target(text)
	if err != nil {
		return nil, nil, err
	}
	policy, err := a.object(name + "Authentication")
	if err != nil {
		return nil, nil, err
	}
	content, err := s.fetchDocument(ctx, u, policy)
	return content, u, err
}

func (s *session) fetchDocument(ctx context.Context, u *url.URL, policy map[string]any) ([]byte, error) {
	r := &request{method: http.MethodGet, url: u, authentication: policy, limit: maxDocument}
	response, err := s.ask(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := s.read(r, response)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, s.refusal(r, response, content)
	}
	return content, nil
}
