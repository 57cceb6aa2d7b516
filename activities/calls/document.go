package calls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
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
	u, err := s.resource(text)
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

// resource reads and judges where a document is: a URL, or a file of a folder that
// the operator shares.
func (s *session) resource(text string) (*url.URL, error) {
	if !IsFile(text) {
		return s.target(text)
	}
	return File(text)
}

const fileScheme = "file://"

// IsFile reports whether a URL is one of a file.
func IsFile(text string) bool {
	return len(text) >= len(fileScheme) && strings.EqualFold(text[:len(fileScheme)], fileScheme)
}

// File reads the URL of a file; its path is an absolute and clean one.
func File(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || u.User != nil || u.Port() != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault(Invalid, nil, "URL %.100q is none of a file", text)
	}
	if u.Host != "" && u.Host != "localhost" { // file://app/greet.proto is /app/greet.proto
		u.Path = "/" + u.Host + u.Path
	}
	u.Scheme, u.Host, u.Path, u.RawPath = "file", "", path.Clean("/"+u.Path), ""
	return u, nil
}

// Shared says in which of the shared folders a file is, by its clean path, and what
// is left of the path below it.
func Shared(folders []string, path string) (folder, below string, ok bool) {
	for _, folder := range folders {
		if below, inside := strings.CutPrefix(path, strings.TrimSuffix(folder, "/")+"/"); inside {
			return folder, below, true
		}
	}
	return "", "", false
}

// file reads a document of a shared folder. No link leads out of it.
func (s *session) file(u *url.URL) ([]byte, error) {
	folder, below, shared := Shared(s.options.Folders, u.Path)
	if !shared {
		return nil, fault(Forbidden, nil, "%s is in no folder that calls may read; the operator may share it with --share %s", place(u), path.Dir(u.Path))
	}
	content, err := readBelow(folder, below, maxDocument)
	if err != nil {
		return nil, fault(Failed, nil, "%s cannot be read: %s", place(u), err)
	}
	return content, nil
}

func readBelow(folder, name string, limit int64) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, reason(err)
	}
	defer func() { _ = root.Close() }()
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe must not hold it up
	if err != nil {
		return nil, reason(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, reason(err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("it has more than %d bytes", limit)
	}
	return content, nil
}

// reason is an error of a file without its path, which the message has.
func reason(err error) error {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		return inner.Err
	}
	return err
}

func (s *session) fetchDocument(ctx context.Context, u *url.URL, policy map[string]any) ([]byte, error) {
	if u.Scheme == "file" {
		return s.file(u)
	}
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
