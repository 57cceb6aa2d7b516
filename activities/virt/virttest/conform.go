package virttest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
)

// Target is a driver under test.
type Target struct {
	Driver virt.Driver
	URI    string
	Pool   string // an active storage pool
	Type   string // of guests: test, qemu
	Guests bool   // guests really run: memory, devices, consoles are there
	// Lacks are the operations that the suite need not see succeed there, with why: one
	// of FakeLacks, TestDriverLacks, QEMULacks.
	Lacks map[string]string
}

// Conform runs the suite. It leaves the target as it found it. Every operation that
// there is must have succeeded by its end, or be lacking.
func Conform(t *testing.T, target Target) {
	t.Helper()
	s := suite{Target: target, prefix: "conform", seen: map[string]bool{}}
	t.Run("host", s.host)
	t.Run("lists", s.lists)
	t.Run("lifecycle", s.lifecycle)
	t.Run("settings", s.settings)
	t.Run("snapshots", s.snapshots)
	t.Run("networks", s.networks)
	t.Run("volumes", s.volumes)
	t.Run("retries", s.retries)
	t.Run("errors", s.errors)
	if target.Guests {
		t.Run("guests", s.guests)
		t.Run("devices", s.devices)
		t.Run("media", s.media)
		t.Run("screen", s.screen)
	}
	t.Run("every operation", s.every)
}

type suite struct {
	Target
	prefix string
	seen   map[string]bool // the operations that have succeeded
}

type arguments = map[string]any

// call is one operation with a key of its own.
func (s suite) call(t *testing.T, operation string, given arguments) (json.RawMessage, error) {
	t.Helper()
	return s.attempt(t, operation, given, virt.Call{Key: t.Name() + operation + fmt.Sprint(given)})
}

func (s suite) attempt(t *testing.T, operation string, given arguments, call virt.Call) (json.RawMessage, error) {
	t.Helper()
	o, ok := virt.Find(operation)
	require.True(t, ok, operation)
	checked, err := o.Arguments(given)
	require.NoError(t, err)
	call.Operation, call.URI, call.Arguments = operation, s.URI, checked
	call.ReadOnly = !o.Changes && !o.Privileged
	raw, err := s.Driver.Call(context.WithoutCancel(t.Context()), call, func(virt.Progress) {})
	if err == nil {
		s.seen[operation] = true
	}
	return raw, err
}

// do requires that an operation succeeds.
func do[T any](t *testing.T, s suite, operation string, given arguments) T {
	t.Helper()
	raw, err := s.call(t, operation, given)
	require.NoError(t, err, "%s %v", operation, given)
	var result T
	require.NoError(t, json.Unmarshal(raw, &result), "%s", raw)
	return result
}

// refused requires that an operation fails with the code, and is its message.
func (s suite) refused(t *testing.T, code virt.Code, operation string, given arguments) string {
	t.Helper()
	raw, err := s.call(t, operation, given)
	var e *virt.Error
	require.ErrorAs(t, err, &e, "%s %v: %s", operation, given, raw)
	require.Equal(t, code, e.Code, "%s %v: %s", operation, given, e.Message)
	require.NotEmpty(t, e.Message)
	return e.Message
}

// define makes a guest that is deleted at the end of the test, on, off or gone.
func (s suite) define(t *testing.T, name string, more arguments) virt.DomainChange {
	t.Helper()
	given := arguments{"name": name, "memory": 64, "vcpus": 1, "type": s.Type}
	maps.Copy(given, more)
	made := do[virt.DomainChange](t, s, "domain.define", given)
	require.True(t, made.Changed)
	require.Equal(t, "shutoff", made.State)
	t.Cleanup(func() {
		_, err := s.Driver.Call(context.WithoutCancel(t.Context()), virt.Call{
			Operation: "domain.delete", URI: s.URI, Retry: true, Resolved: made.UUID,
			Arguments: virt.Arguments{"name": name, "force": true, "storage": false},
		}, func(virt.Progress) {})
		require.NoError(t, err, "delete %s", name)
	})
	return made
}

func (s suite) host(t *testing.T) {
	info := do[virt.Host](t, s, "host.info", nil)
	require.NotEmpty(t, info.Hostname)
	require.Positive(t, info.Memory)
	require.Positive(t, info.CPUs)
	require.NotEmpty(t, info.Hypervisor)
	require.Contains(t, do[virt.Document](t, s, "host.capabilities", nil).XML, "<capabilities>")
	memory := do[virt.HostMemory](t, s, "host.memory", nil)
	require.Positive(t, memory.Total)
	require.Positive(t, do[virt.HostCPU](t, s, "host.cpu", nil).Online)
}

func (s suite) lists(t *testing.T) {
	made := s.define(t, s.prefix+"-listed", nil)
	names := func(state string) []string {
		var names []string
		for _, d := range do[virt.DomainList](t, s, "domain.list", arguments{"state": state}).Domains {
			names = append(names, d.Name)
		}
		return names
	}
	require.Contains(t, names("all"), made.Name)
	require.Contains(t, names("inactive"), made.Name)
	require.NotContains(t, names("running"), made.Name)
	require.IsIncreasing(t, append([]string{""}, names("all")...))

	info := do[virt.Domain](t, s, "domain.info", arguments{"name": made.Name})
	require.Equal(t, made.UUID, info.UUID)
	require.EqualValues(t, 64, info.MaxMemory)
	require.EqualValues(t, 1, info.VCPUs)
	require.True(t, info.Persistent)
	require.Equal(t, made.Name, do[virt.Domain](t, s, "domain.info", arguments{"uuid": made.UUID}).Name)
	require.Contains(t, do[virt.Document](t, s, "domain.getxml", arguments{"name": made.Name}).XML, "<name>"+made.Name+"</name>")
	do[virt.NetworkList](t, s, "network.list", nil)
	require.NotEmpty(t, do[virt.PoolList](t, s, "storage.list", nil).Pools)
}

func (s suite) lifecycle(t *testing.T) {
	name := s.prefix + "-life"
	s.define(t, name, nil)
	guest := arguments{"name": name}
	step := func(operation, state string, more arguments) {
		t.Helper()
		given := arguments{"name": name}
		maps.Copy(given, more)
		before := do[virt.DomainState](t, s, "domain.state", guest).State
		change := do[virt.DomainChange](t, s, operation, given)
		require.Equal(t, state, change.State, operation)
		require.Equal(t, before != state, change.Changed, operation)
		again := do[virt.DomainChange](t, s, operation, given)
		require.False(t, again.Changed, "%s once more", operation)
		require.Equal(t, state, do[virt.DomainState](t, s, "domain.wait", arguments{"name": name, "state": state, "deadline": 5}).State)
	}
	step("domain.start", "running", nil)
	step("domain.suspend", "paused", nil)
	step("domain.resume", "running", nil)
	require.True(t, do[virt.DomainChange](t, s, "domain.reset", guest).Changed)
	stats := do[virt.DomainStats](t, s, "domain.stats", guest)
	require.Equal(t, "running", stats.State)
	if s.Guests {
		require.Positive(t, stats.Memory["actual"])
	}
	s.ephemeral(t)
	step("domain.save", "shutoff", nil)
	require.True(t, do[virt.DomainChange](t, s, "domain.restore", guest).Changed)
	step("domain.stop", "shutoff", arguments{"mode": "force"})
	s.refused(t, virt.NotFound, "domain.restore", guest)
	s.refused(t, virt.Timeout, "domain.wait", arguments{"name": name, "state": "running", "deadline": 1})

	renamed := do[virt.DomainChange](t, s, "domain.rename", arguments{"name": name, "to": name + "-2"})
	require.True(t, renamed.Changed)
	require.Equal(t, name+"-2", renamed.Name)
	s.refused(t, virt.NotFound, "domain.info", guest)
	deleted := do[virt.DomainDeletion](t, s, "domain.delete", arguments{"uuid": renamed.UUID})
	require.True(t, deleted.Changed)
	s.refused(t, virt.NotFound, "domain.info", arguments{"uuid": renamed.UUID})
}

// ephemeral: a guest that is forgotten once it is off.
func (s suite) ephemeral(t *testing.T) {
	t.Helper()
	name := s.prefix + "-once"
	made := do[virt.DomainChange](t, s, "domain.create", arguments{"name": name, "memory": 64, "vcpus": 1, "type": s.Type, "ephemeral": true})
	require.Equal(t, "running", made.State)
	require.False(t, do[virt.Domain](t, s, "domain.info", arguments{"uuid": made.UUID}).Persistent)
	do[virt.DomainChange](t, s, "domain.stop", arguments{"name": name, "mode": "force"})
	s.refused(t, virt.NotFound, "domain.info", arguments{"uuid": made.UUID})
}

func (s suite) settings(t *testing.T) {
	name := s.prefix + "-set"
	s.define(t, name, nil)
	guest := arguments{"name": name}
	require.True(t, do[virt.DomainChange](t, s, "domain.autostart", arguments{"name": name, "enabled": true}).Changed)
	require.False(t, do[virt.DomainChange](t, s, "domain.autostart", arguments{"name": name, "enabled": true}).Changed)
	require.True(t, do[virt.Domain](t, s, "domain.info", guest).Autostart)

	do[virt.DomainChange](t, s, "domain.set-memory", arguments{"name": name, "memory": 32})
	require.EqualValues(t, 32, do[virt.Domain](t, s, "domain.info", guest).Memory)
	s.refused(t, virt.Busy, "domain.set-memory", arguments{"name": name, "memory": 1 << 20})
	do[virt.DomainChange](t, s, "domain.set-vcpus", arguments{"name": name, "vcpus": 2, "maximum": true})
	do[virt.DomainChange](t, s, "domain.set-vcpus", arguments{"name": name, "vcpus": 2})
	require.EqualValues(t, 2, do[virt.Domain](t, s, "domain.info", guest).VCPUs)
}

func (s suite) snapshots(t *testing.T) {
	name := s.prefix + "-snap"
	more := arguments{}
	if s.Guests {
		more["disks"] = []any{s.volume(t, name+".qcow2", "qcow2")}
	}
	s.define(t, name, more)
	take := func(snapshot string) virt.SnapshotChange {
		return do[virt.SnapshotChange](t, s, "snapshot.create", arguments{"name": name, "snapshot": snapshot, "description": "of " + snapshot})
	}
	require.True(t, take("one").Changed)
	do[virt.DomainChange](t, s, "domain.start", arguments{"name": name})
	require.True(t, take("two").Changed)
	s.refused(t, virt.Busy, "snapshot.create", arguments{"name": name, "snapshot": "two"})
	all := do[virt.SnapshotList](t, s, "snapshot.list", arguments{"name": name}).Snapshots
	require.Len(t, all, 2)
	require.Equal(t, "two", all[1].Name)
	require.Equal(t, "one", all[1].Parent)
	require.Equal(t, "of two", all[1].Description)
	require.True(t, all[1].Current)

	require.Equal(t, "shutoff", do[virt.SnapshotChange](t, s, "snapshot.revert", arguments{"name": name, "snapshot": "one"}).State)
	require.Equal(t, "running", do[virt.SnapshotChange](t, s, "snapshot.revert", arguments{"name": name, "snapshot": "two"}).State)
	s.revertedOnce(t, arguments{"name": name, "snapshot": "two"})
	for _, snapshot := range []string{"two", "one"} {
		require.True(t, do[virt.SnapshotChange](t, s, "snapshot.delete", arguments{"name": name, "snapshot": snapshot}).Changed)
	}
	s.refused(t, virt.NotFound, "snapshot.delete", arguments{"name": name, "snapshot": "one"})
	require.Empty(t, do[virt.SnapshotList](t, s, "snapshot.list", arguments{"name": name}).Snapshots)
}

// revertedOnce: a retry of a revert that was answered changes nothing, and one of a
// revert of which the guest shows nothing does not guess.
func (s suite) revertedOnce(t *testing.T, given arguments) {
	t.Helper()
	const operation = "snapshot.revert"
	key := t.Name() + operation + fmt.Sprint(given)
	raw, err := s.attempt(t, operation, given, virt.Call{Key: key, Retry: true})
	require.NoError(t, err)
	require.False(t, changedIn(t, raw))
	_, err = s.attempt(t, operation, given, virt.Call{Key: "another", Retry: true})
	var e *virt.Error
	require.ErrorAs(t, err, &e)
	require.True(t, e.Lost, e.Message)
}

func (s suite) networks(t *testing.T) {
	name := s.prefix + "-net"
	given := arguments{"name": name, "bridge": "lzconform0"}
	network := arguments{"name": name}
	require.True(t, do[virt.NetworkChange](t, s, "network.define", given).Changed)
	s.refused(t, virt.Busy, "network.define", given)
	require.True(t, do[virt.NetworkChange](t, s, "network.start", network).Active)
	require.False(t, do[virt.NetworkChange](t, s, "network.start", network).Changed)
	info := do[virt.Network](t, s, "network.info", network)
	require.Equal(t, "lzconform0", info.Bridge)
	require.True(t, info.Persistent)
	if s.can("network.leases") {
		require.Empty(t, do[virt.LeaseList](t, s, "network.leases", network).Leases)
	}
	s.refused(t, virt.Busy, "network.delete", network)
	require.False(t, do[virt.NetworkChange](t, s, "network.stop", network).Active)
	require.False(t, do[virt.NetworkChange](t, s, "network.stop", network).Changed)
	require.True(t, do[virt.NetworkChange](t, s, "network.delete", network).Changed)
	s.refused(t, virt.NotFound, "network.info", network)
}

// volume makes a volume that is deleted at the end of the test, and is it as a disk.
func (s suite) volume(t *testing.T, name, format string) arguments {
	t.Helper()
	given := arguments{"pool": s.Pool, "volume": name}
	do[virt.VolumeChange](t, s, "volume.create", arguments{"pool": s.Pool, "volume": name, "capacity": 1 << 20, "format": format})
	t.Cleanup(func() {
		_, _ = s.attempt(t, "volume.delete", given, virt.Call{Retry: true})
	})
	return arguments{"pool": s.Pool, "volume": name, "format": format}
}

func (s suite) volumes(t *testing.T) {
	name := s.prefix + "-vol"
	given := arguments{"pool": s.Pool, "volume": name}
	made := do[virt.VolumeChange](t, s, "volume.create", arguments{"pool": s.Pool, "volume": name, "capacity": 1 << 20, "format": "raw"})
	require.True(t, made.Changed)
	require.EqualValues(t, 1<<20, made.Capacity)
	s.refused(t, virt.Busy, "volume.create", arguments{"pool": s.Pool, "volume": name, "capacity": 1 << 20, "format": "raw"})
	var names []string
	for _, v := range do[virt.VolumeList](t, s, "volume.list", arguments{"pool": s.Pool}).Volumes {
		names = append(names, v.Name)
	}
	require.Contains(t, names, name)
	require.Equal(t, "running", do[virt.Pool](t, s, "storage.info", arguments{"pool": s.Pool}).State)
	do[virt.PoolChange](t, s, "storage.refresh", arguments{"pool": s.Pool})
	require.True(t, do[virt.VolumeChange](t, s, "volume.clone", arguments{"pool": s.Pool, "volume": name + "-2", "from": name}).Changed)
	require.True(t, do[virt.VolumeChange](t, s, "volume.delete", arguments{"pool": s.Pool, "volume": name + "-2"}).Changed)
	if s.Guests {
		resized := do[virt.VolumeChange](t, s, "volume.resize", arguments{"pool": s.Pool, "volume": name, "capacity": 2 << 20})
		require.EqualValues(t, 2<<20, resized.Capacity)
		s.refused(t, virt.Busy, "volume.resize", arguments{"pool": s.Pool, "volume": name, "capacity": 1 << 20})
		do[virt.VolumeChange](t, s, "volume.upload", arguments{"pool": s.Pool, "volume": name, "data": BootSectorBase64()})
		blob := do[virt.Blob](t, s, "volume.download", arguments{"pool": s.Pool, "volume": name, "length": 512})
		require.Equal(t, BootSectorBase64(), blob.Data)
	}
	require.True(t, do[virt.VolumeChange](t, s, "volume.delete", given).Changed)
	s.refused(t, virt.NotFound, "volume.delete", given)
}

func (s suite) errors(t *testing.T) {
	made := s.define(t, s.prefix+"-err", nil)
	s.refused(t, virt.NotFound, "domain.info", arguments{"name": "nobody"})
	s.refused(t, virt.NotFound, "domain.start", arguments{"uuid": "00000000-1111-2222-3333-444444444444"})
	s.refused(t, virt.NotFound, "domain.start", arguments{"name": "other", "uuid": made.UUID})
	s.refused(t, virt.Busy, "domain.define", arguments{"name": made.Name, "memory": 64, "vcpus": 1, "type": s.Type})
	s.refused(t, virt.Busy, "domain.reboot", arguments{"name": made.Name})
	s.refused(t, virt.Busy, "domain.save", arguments{"name": made.Name})
	s.refused(t, virt.NotFound, "network.info", arguments{"name": "nowhere"})
	s.refused(t, virt.NotFound, "storage.info", arguments{"pool": "nowhere"})
	s.refused(t, virt.NotFound, "volume.delete", arguments{"pool": s.Pool, "volume": "nothing"})
	s.refused(t, virt.NotFound, "snapshot.revert", arguments{"name": made.Name, "snapshot": "nothing"})
}
