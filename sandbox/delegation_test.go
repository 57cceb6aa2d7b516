package sandbox

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/machine"
)

// TestDelegation: what is told of a service without Delegate=yes, and to whom.
func TestDelegation(t *testing.T) {
	t.Parallel()
	root := machine.Machine{Capabilities: 1 << unix.CAP_SYS_ADMIN}
	c, told := delegation(root, "lazaret.service")
	assert.True(t, told)
	assert.False(t, c.OK)
	assert.Contains(t, c.Error, "lazaret.service")
	assert.Contains(t, c.Cause, "OOMPolicy=")
	assert.Contains(t, c.Remedy, "Delegate=yes")

	_, told = delegation(root, "")
	assert.False(t, told)
	_, told = delegation(machine.Machine{UID: 1000}, "user.service")
	assert.False(t, told, "to an ordinary user every group is without the mark")
}
