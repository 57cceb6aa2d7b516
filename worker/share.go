package worker

import (
	"os"
	"path/filepath"

	"lazaret.dev/lazaret/sandbox"
)

// sharedFolders checks the folders of --share: whole ones, that are no links and
// no part of what programs themselves are made of.
func sharedFolders(names []string) ([]string, error) {
	for _, name := range names {
		if !filepath.IsAbs(name) || filepath.Clean(name) != name {
			return nil, invalid("as in --share /srv/inbox", "--share %.100q is not a clean absolute path", name)
		}
		info, err := os.Lstat(name)
		switch {
		case err != nil:
			return nil, invalid("", "--share %s: %w", name, unwrapPath(err))
		case !info.IsDir():
			return nil, invalid("name the folder itself", "--share %s: not a folder", name)
		}
	}
	spec := sandbox.Spec{Binds: sandbox.HostEnvironment().Binds, Data: names}
	if err := spec.CheckData(); err != nil {
		return nil, invalid("share a folder of its own", "--share: %w", err)
	}
	return names, nil
}
