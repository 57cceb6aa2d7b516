package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Sweep kills what dead workers left in their groups and removes the groups. It
// returns how many directories it removed; those of living workers, this one
// included, stay as they are.
//
// It looks through all mounted hierarchies and not only at this process's own
// group: a worker may be started again in another one. That takes some
// microseconds a group on the machine.
func (m *Manager) Sweep() (int, error) {
	var removed int
	var errs []error
	for _, point := range m.points {
		err := filepath.WalkDir(point, func(path string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENODEV): // gone meanwhile
				return nil
			case forbidden(err): // not ours, so that nothing in it is
				return fs.SkipDir
			case err != nil:
				return err
			case !d.IsDir():
				return nil
			}
			who, ok := ownerOf(d.Name())
			if !ok || !who.dead(m.owner.ns) {
				return nil
			}
			switch err := clearAway(path); {
			case err == nil:
				removed++
			case !forbidden(err): // else another user's worker left it
				errs = append(errs, err)
			}
			return fs.SkipDir
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("sweep %q: %w", point, err))
		}
	}
	return removed, errors.Join(errs...)
}

func forbidden(err error) bool {
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS)
}
