package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Undelegated names the systemd service whose group this process divides although
// systemd has not given it away (Delegate=). What ends there for its memory ends, to
// systemd, in the service. Empty: there is no such service, or nothing tells. Only who
// has CAP_SYS_ADMIN can believe a name: to others no group is marked.
func (m *Manager) Undelegated() string {
	dir, ok := m.parents[unified]
	if _, err := os.Stat("/run/systemd/system"); err != nil || !ok || m.owner.ns != initialPIDs { // sd_booted(3)
		return ""
	}
	return undelegated(dir, unix.Getxattr)
}

// undelegated goes by the attributes that systemd sets on groups that it gives away:
// trusted.delegate, and later ones user.delegate, too. Where one cannot be read, for
// another reason than that it is not there, nothing is said.
func undelegated(dir string, getxattr func(path, name string, value []byte) (int, error)) string {
	service := filepath.Base(dir)
	if !strings.HasSuffix(service, ".service") {
		return ""
	}
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		value := make([]byte, 8)
		n, err := getxattr(dir, name, value)
		if err == nil && string(value[:n]) == "1" || err != nil && !errors.Is(err, unix.ENODATA) {
			return ""
		}
	}
	return service
}
