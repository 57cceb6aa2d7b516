package cgroup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Manager makes groups. It is safe for concurrent use.
type Manager struct {
	parents map[string]string // directory in which groups are made, by v1 controller, and unified for v2
	at      map[string]string // which of the parents has a controller
	missing map[string]error  // why a controller has none
	points  []string          // where hierarchies are mounted
	owner   owner

	undivided string // the v2 group that has controllers and cannot be divided
}

// made counts the groups of this process, of all its managers together: their
// names differ by it alone.
var made atomic.Uint64

// moves keeps the managers of this process from moving it at the same time.
var moves sync.Mutex

// New finds the hierarchies and the controllers that this process can use in
// them. It fails only where /proc does not tell. A process that a shell started
// shares the v2 group of its login, which cannot be divided: systemd then moves it
// into one of its own.
func New() (*Manager, error) {
	moves.Lock()
	defer moves.Unlock()
	who, err := self()
	if err != nil {
		return nil, err
	}
	m, err := look(who)
	if err != nil || m.undivided == "" {
		return m, err
	}
	l, ok := loggedIn(m.undivided, who)
	if !ok {
		return m, nil
	}
	if err := l.leave(context.Background(), who); err != nil {
		m.blame(err)
		return m, nil
	}
	return look(who)
}

func look(who owner) (*Manager, error) {
	found, points, err := bases()
	if err != nil {
		return nil, err
	}
	m := &Manager{parents: map[string]string{}, at: map[string]string{}, missing: map[string]error{}, points: points, owner: who}
	m.choose(found)
	m.try()
	return m, nil
}

// blame adds to what is missing what came of the attempt to get it.
func (m *Manager) blame(err error) {
	for c, missing := range m.missing {
		m.missing[c] = fmt.Errorf("%w; %w", missing, err)
	}
}

// Missing says why each of the controllers that cannot be used cannot; its keys
// are among Controllers, its errors wrap ErrMissing.
func (m *Manager) Missing() map[string]error { return m.missing }

// choose looks for each controller in the unified hierarchy first: the kernel
// has it there or in one of its own.
func (m *Manager) choose(found map[string]string) {
	v2, ok := found[unified]
	var reason error
	if ok {
		if reason = divisible(v2); reason == nil {
			m.parents[unified] = v2
		}
	}
	var in2 []string
	for _, c := range Controllers {
		switch dir, in1 := found[c]; {
		case ok && slices.Contains(words(filepath.Join(v2, "cgroup.controllers")), c):
			in2 = append(in2, c)
		case !in1:
			m.missing[c] = fmt.Errorf("%w: no controller %s for this process", ErrMissing, c)
		default:
			if err := writable(dir); err != nil {
				m.missing[c] = fmt.Errorf("%w: %s group %q is not writable: %w", ErrMissing, c, dir, err)
				continue
			}
			m.parents[c], m.at[c] = dir, c
		}
	}
	if len(in2) == 0 {
		return
	}
	if reason == nil {
		reason = m.delegate(v2, in2)
	}
	if reason != nil {
		m.undivided = v2
	}
	for _, c := range in2 {
		if reason != nil {
			m.missing[c] = fmt.Errorf("%w: group %q cannot be divided: %w", ErrMissing, v2, reason)
			continue
		}
		m.at[c] = unified
	}
}

// try makes a group with a limit of each kind, since a file that looks writable
// need not be.
func (m *Manager) try() {
	g, err := m.Make()
	if err != nil && !slices.Contains(slices.Collect(maps.Values(m.at)), unified) {
		delete(m.parents, unified) // which would only have served for killing
		g, err = m.Make()
	}
	if err != nil {
		for c := range m.at {
			m.lose(c, err)
		}
		m.parents = map[string]string{}
		return
	}
	for c, limit := range map[string]func() error{
		"memory": func() error { return g.limitMemory(1 << 30) },
		"cpu":    func() error { return g.limitCPU(1) },
		"pids":   func() error { return g.LimitProcesses(1 << 10) },
	} {
		if err := limit(); err != nil {
			m.lose(c, err)
		}
	}
	if err := g.Remove(); err != nil {
		for c := range m.at {
			m.lose(c, err)
		}
	}
}

func (m *Manager) lose(controller string, err error) {
	delete(m.at, controller)
	m.missing[controller] = fmt.Errorf("%w: %w", ErrMissing, err)
}

// divisible says why processes cannot be moved into groups below a v2 group:
// for that cgroup.procs of the common ancestor must be writable (cgroups(7)).
func divisible(dir string) error {
	if err := writable(dir); err != nil {
		return err
	}
	return writable(filepath.Join(dir, "cgroup.procs"))
}

func writable(path string) error {
	return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS)
}

// delegate switches the controllers on for groups below dir. A v2 group that
// has processes cannot have such groups (cgroups(7), "no internal processes"),
// so a worker that is alone in its group moves into a leaf first, and finds from
// there what it has divided (see home).
func (m *Manager) delegate(dir string, wanted []string) error {
	control := filepath.Join(dir, "cgroup.subtree_control")
	on := words(control)
	if !slices.ContainsFunc(wanted, func(c string) bool { return !slices.Contains(on, c) }) {
		return nil
	}
	enable := []byte("+" + strings.Join(wanted, " +"))
	err := os.WriteFile(control, enable, 0)
	if errors.Is(err, unix.EBUSY) {
		if err = m.stepAside(dir); err == nil {
			err = os.WriteFile(control, enable, 0)
		}
	}
	return err
}

func (m *Manager) stepAside(dir string) error {
	me := strconv.Itoa(os.Getpid())
	if others := words(filepath.Join(dir, "cgroup.procs")); !slices.Equal(others, []string{me}) {
		return fmt.Errorf("other processes share the worker's group: %w", unix.EBUSY)
	}
	leaf := filepath.Join(dir, aside)
	if err := os.Mkdir(leaf, 0o750); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(me), 0)
}

// Where says for people where a controller is used; empty when it is missing.
func (m *Manager) Where(controller string) string {
	switch at, ok := m.at[controller]; {
	case !ok:
		return ""
	case at == unified:
		return "cgroup v2 in " + m.parents[at]
	default:
		return "cgroup v1 in " + m.parents[at]
	}
}

// Describe says which controllers are used and where, for people.
func (m *Manager) Describe() string {
	var parts []string
	for _, version := range []struct{ name, hierarchy string }{{"v2", unified}, {"v1", ""}} {
		var in []string
		for _, c := range Controllers {
			if at, ok := m.at[c]; ok && (at == unified) == (version.hierarchy == unified) {
				in = append(in, c)
			}
		}
		if len(in) > 0 {
			parts = append(parts, fmt.Sprintf("cgroup %s %s in %s", version.name, strings.Join(in, ", "), m.parents[m.at[in[0]]]))
		}
	}
	if dir, ok := m.parents[unified]; ok && !strings.Contains(strings.Join(parts, ""), dir) {
		parts = append(parts, "v2 for killing")
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, "; ")
}

// words reads a file of words; empty when it cannot be read.
func words(path string) []string {
	b, _ := os.ReadFile(path)
	return strings.Fields(string(b))
}
