package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Sweep kills what dead workers left in their groups and removes the groups. It
// returns how many directories it removed; those of living workers, this one
// included, stay as they are.
func (m *Manager) Sweep() (int, error) {
	var removed int
	var errs []error
	for _, parent := range m.parents {
		entries, err := os.ReadDir(parent)
		if err != nil {
			errs = append(errs, fmt.Errorf("sweep %q: %w", parent, err))
			continue
		}
		for _, e := range entries {
			who, ok := ownerOf(e.Name())
			if !ok || !e.IsDir() || !who.dead(m.owner.ns) {
				continue
			}
			if err := clearAway(filepath.Join(parent, e.Name())); err != nil {
				errs = append(errs, err)
				continue
			}
			removed++
		}
	}
	return removed, errors.Join(errs...)
}
