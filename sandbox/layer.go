package sandbox

import (
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/cgroup"
)

// layer is one of those that a test can leave out. The mount and pid namespaces
// are always there: the root is built in the one, and the other's end ends a sandbox.
type layer string

const (
	noLayer           layer = ""
	filterLayer       layer = "filter"
	landlockLayer     layer = "landlock"
	capabilitiesLayer layer = "capabilities"
	limitsLayer       layer = "limits"
	rootLayer         layer = "read-only-root"
	bindsLayer        layer = "read-only-binds"
	groupLayer        layer = "cgroup"
	userLayer         layer = "user-namespace"
	netLayer          layer = "net-namespace"
	ipcLayer          layer = "ipc-namespace"
	utsLayer          layer = "uts-namespace"
	groupNamesLayer   layer = "cgroup-namespace"
)

// namespace is the one that the layer is, as a flag for clone(2); 0 for others.
// The user namespace goes by the identity.
func (l layer) namespace() uint64 {
	return map[layer]uint64{
		netLayer: unix.CLONE_NEWNET, ipcLayer: unix.CLONE_NEWIPC, utsLayer: unix.CLONE_NEWUTS, groupNamesLayer: unix.CLONE_NEWCGROUP,
	}[l]
}

// limit has the cgroup bound memory and CPU.
func (x *run) limit() error {
	if x.runner.features.off == groupLayer {
		return nil
	}
	return x.slot.group.Limit(cgroup.Limits{Memory: x.spec.Limits.Memory, CPU: x.spec.Limits.CPU})
}

// limitProcesses has the cgroup bound the processes, once no more are needed than
// the program's own and the reaper.
func (x *run) limitProcesses() error {
	if x.runner.features.off == groupLayer {
		return nil
	}
	return x.slot.group.LimitProcesses(x.spec.Limits.Processes + reapers)
}
