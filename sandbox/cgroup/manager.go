package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Manager makes groups. It is safe for concurrent use.
type Manager struct {
	parents map[string]string // directory per controller in which groups are made; unified for v2
	v2      bool              // the controllers are in the unified hierarchy
	points  []string          // where hierarchies are mounted
	owner   owner
}

// made counts the groups of this process, of all its managers together: their
// names differ by it alone.
var made atomic.Uint64

// New finds the hierarchies and checks that groups can be made in them. It
// fails, naming the controller, when one is missing or not writable.
func New() (*Manager, error) {
	found, points, err := bases()
	if err != nil {
		return nil, err
	}
	who, err := self()
	if err != nil {
		return nil, err
	}
	m := &Manager{parents: map[string]string{}, points: points, owner: who}
	if err := m.choose(found); err != nil {
		return nil, err
	}
	for name, dir := range m.parents {
		if err := unix.Access(dir, unix.W_OK); err != nil {
			return nil, fmt.Errorf("%w: %s group %q is not writable: %w", ErrMissing, name, dir, err)
		}
	}
	return m, nil
}

// choose prefers the hierarchy that has every controller.
func (m *Manager) choose(found map[string]string) error {
	if dir, ok := found[unified]; ok {
		m.parents[unified] = dir
		if len(missingFrom(words(filepath.Join(dir, "cgroup.controllers")))) == 0 {
			m.v2 = true
			return m.delegate(dir)
		}
	}
	var v1 []string
	for _, c := range controllers {
		if dir, ok := found[c]; ok {
			v1 = append(v1, c)
			m.parents[c] = dir
		}
	}
	if missing := missingFrom(v1); len(missing) > 0 {
		return fmt.Errorf("%w: no controller %s for this process", ErrMissing, strings.Join(missing, ", "))
	}
	return nil
}

// delegate switches the controllers on for groups below dir. A v2 group that
// has processes cannot have such groups (cgroups(7), "no internal processes"),
// so a worker that is alone in its group moves into a leaf first.
func (m *Manager) delegate(dir string) error {
	control := filepath.Join(dir, "cgroup.subtree_control")
	if len(missingFrom(words(control))) == 0 {
		return nil
	}
	enable := []byte("+memory +pids +cpu")
	err := os.WriteFile(control, enable, 0)
	if errors.Is(err, unix.EBUSY) {
		if err = m.stepAside(dir); err == nil {
			err = os.WriteFile(control, enable, 0)
		}
	}
	if err != nil {
		return fmt.Errorf("%w: delegate controllers in %q: %w", ErrMissing, dir, err)
	}
	return nil
}

func (m *Manager) stepAside(dir string) error {
	me := strconv.Itoa(os.Getpid())
	if others := words(filepath.Join(dir, "cgroup.procs")); !slices.Equal(others, []string{me}) {
		return fmt.Errorf("other processes share the worker's group: %w", unix.EBUSY)
	}
	leaf := filepath.Join(dir, "worker")
	if err := os.Mkdir(leaf, 0o750); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(me), 0)
}

// Describe says which hierarchy holds the controllers, for people.
func (m *Manager) Describe() string {
	if m.v2 {
		return "cgroup v2 memory, pids, cpu in " + m.parents[unified]
	}
	text := "cgroup v1 memory, pids, cpu; memory in " + m.parents["memory"]
	if _, ok := m.parents[unified]; ok {
		text += "; v2 for killing"
	}
	return text
}

// words reads a file of words; empty when it cannot be read.
func words(path string) []string {
	b, _ := os.ReadFile(path)
	return strings.Fields(string(b))
}
