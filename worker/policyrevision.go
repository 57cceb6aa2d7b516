package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"lazaret.dev/lazaret/policies"
)

// acceptedRevisions remembers, in the state folder, the revision of each policy
// that came into force, so that an older one is refused. The zero value remembers
// nothing.
type acceptedRevisions struct{ file string }

// acceptedRevision is what came into force last.
type acceptedRevision struct {
	Revision int    `json:"revision"`
	Digest   string `json:"digest"`
}

// revisionsFile stands in the state folder.
const revisionsFile = "policy-revisions.json"

func (a *app) acceptedRevisions() (acceptedRevisions, error) {
	dir, err := a.statePath()
	if err != nil {
		return acceptedRevisions{}, err
	}
	return acceptedRevisions{filepath.Join(dir, revisionsFile)}, nil
}

// accept remembers a policy, or says why it must not come into force: another one
// did, which it is older than, or which has the same revision and says other things.
func (r acceptedRevisions) accept(p *policies.Policy, downgrade bool) error {
	if r.file == "" {
		return nil
	}
	path, err := filepath.Abs(p.File)
	if err != nil {
		return err
	}
	all, err := r.read()
	if err != nil {
		return err
	}
	last := all[path]
	switch {
	case last.Digest == p.Digest:
		return nil
	case downgrade:
	case p.Revision < last.Revision:
		return invalid("give it a greater revision, or accept it once with --policy-downgrade",
			"policy %s has revision %d, and %d was accepted here before", p.File, p.Revision, last.Revision)
	case p.Revision > 0 && p.Revision == last.Revision:
		return invalid("give it a greater revision", "policy %s has revision %d, under which another text was accepted here before", p.File, p.Revision)
	}
	if last.Revision == 0 && p.Revision == 0 {
		return nil // nothing orders them
	}
	all[path] = acceptedRevision{p.Revision, p.Digest}
	return r.write(all)
}

func (r acceptedRevisions) read() (map[string]acceptedRevision, error) {
	all := map[string]acceptedRevision{}
	text, err := os.ReadFile(r.file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, invalid("mend it, or delete it to begin anew", "%s, which remembers the policies accepted here: %w", r.file, unwrapPath(err))
	}
	return all, nil
}

func (r acceptedRevisions) write(all map[string]acceptedRevision) error {
	text, err := json.MarshalIndent(all, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(r.file), 0o700)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.file, err)
	}
	next := fmt.Sprintf("%s.%d", r.file, os.Getpid())
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return invalid("", "%s: %w", r.file, unwrapPath(err))
	}
	if err := os.Rename(next, r.file); err != nil {
		return invalid("", "%s: %w", r.file, unwrapPath(err))
	}
	return nil
}
