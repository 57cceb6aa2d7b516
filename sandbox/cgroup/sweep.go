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
			case err != nil:
				return err
			case !d.IsDir():
				return nil
			}
			who, ok := ownerOf(d.Name())
			if !ok || !who.dead(m.owner.ns) {
				return nil
			}
			if err := clearAway(path); err != nil {
				errs = append(errs, err)
			} else {
				removed++
			}
			return fs.SkipDir
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("sweep %q: %w", point, err))
		}
	}
	return removed, errors.Join(errs...)
}
