package sources

import (
	"context"
	"strings"
)

// Scripts are scripts that stand elsewhere.
type Scripts struct {
	Fetcher Fetcher
	Store   Store
}

// Fetch gets the script at a URL, keeps it and returns its digest and size. Only
// a script of the digest wanted will do, if one is. Its error is a *Fault, or
// one of this machine's storage.
func (s *Scripts) Fetch(ctx context.Context, url, wanted string) (digest string, size int, err error) {
	content, err := s.fetch(ctx, url, wanted, "its pin script.sha256 is")
	return Digest(content), len(content), err
}

// Load returns the script of a digest that was fetched from the URL before, on
// this worker or another. Its errors are those of Fetch.
func (s *Scripts) Load(ctx context.Context, url, digest string) ([]byte, error) {
	return s.fetch(ctx, url, digest, "when the execution first fetched it, it was")
}

func (s *Scripts) fetch(ctx context.Context, url, wanted, because string) ([]byte, error) {
	wanted = strings.ToLower(wanted)
	u, err := s.Fetcher.permit(url)
	if err != nil {
		return nil, err
	}
	if content, ok := s.Store.Get(wanted); ok {
		return content, nil
	}
	content, err := s.Fetcher.Fetch(ctx, url, MaxScript)
	if err != nil {
		return nil, err
	}
	if got := Digest(content); wanted != "" && got != wanted {
		return nil, fault(Changed, nil, "%s has the SHA-256 %s; %s %s", place(u), got, because, wanted)
	}
	return content, s.Store.Put(content)
}
