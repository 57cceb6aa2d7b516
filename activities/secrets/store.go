package secrets

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// Store knows where secrets are. The zero Store knows none. Add and UseVault come
// before the first Resolve, which may be called concurrently.
type Store struct {
	sources map[string]source
	vault   *Vault
	noVault error // why there is none
}

// ErrUnknown says that the operator has mapped no secret of that name.
var ErrUnknown = errors.New("unknown secret")

// UnavailableError is a secret whose source could not be read.
type UnavailableError struct {
	Name string
	Err  error
}

func (e *UnavailableError) Error() string { return fmt.Sprintf("secret %q: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Temporary says that the source may have it another time: it was not reached, is
// sealed or has too much to do.
func (e *UnavailableError) Temporary() bool {
	_, temporary := errors.AsType[*temporaryError](e.Err)
	return temporary
}

// UseVault gives the store the Vault that vault: sources are read from.
func (s *Store) UseVault(v *Vault) { s.vault = v }

// WithoutVault says why there is none, to who names a vault: source.
func (s *Store) WithoutVault(why error) { s.noVault = why }

// Add maps a name to a source, as NAME=SOURCE.
func (s *Store) Add(text string) error {
	name, where, found := strings.Cut(text, "=")
	if !found || name == "" {
		return fmt.Errorf("%.40q: write NAME=SOURCE, where SOURCE is %s", text, SourceForms)
	}
	if _, twice := s.sources[name]; twice {
		return fmt.Errorf("secret %q is given twice", name)
	}
	from, err := s.parse(where)
	if err != nil {
		return fmt.Errorf("secret %q: %w", name, err)
	}
	if s.sources == nil {
		s.sources = map[string]source{}
	}
	s.sources[name] = from
	return nil
}

func (s *Store) parse(where string) (source, error) {
	path, isVault := strings.CutPrefix(where, "vault:")
	if !isVault {
		return parseSource(where)
	}
	switch {
	case s.noVault != nil:
		return nil, s.noVault
	case s.vault == nil:
		return nil, errors.New("no Vault is configured; set VAULT_ADDR")
	}
	return s.vault.field(path)
}

// Check reads every secret of this machine once, so that what is missing is known
// at the start. Vault is not asked: it may come up later.
func (s *Store) Check(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(s.sources)) {
		if _, remote := s.sources[name].(vaultField); remote {
			continue
		}
		if _, err := s.Resolve(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Resolve reads a secret: a text, or an object where the text is one in JSON. Its
// error is ErrUnknown, an *UnavailableError or the context's, and holds no value.
func (s *Store) Resolve(ctx context.Context, name string) (any, error) {
	from, ok := s.sources[name]
	if !ok {
		return nil, ErrUnknown
	}
	text, err := from.read(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &UnavailableError{name, err}
	}
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		if object, err := expression.Decode([]byte(text)); err == nil {
			return object, nil
		}
	}
	return text, nil
}

// Read reads the value of a source, which need not be given to Add. Its error
// holds no value.
func (s *Store) Read(ctx context.Context, where string) (string, error) {
	from, err := s.parse(where)
	if err != nil {
		return "", err
	}
	return from.read(ctx)
}
