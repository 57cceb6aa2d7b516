package virttest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
)

// bootable makes a guest that reacts to its power button.
func (s suite) bootable(t *testing.T, name string, more arguments) {
	t.Helper()
	disk := s.volume(t, name+".raw", "raw")
	do[virt.VolumeChange](t, s, "volume.upload", arguments{"pool": s.Pool, "volume": name + ".raw", "data": BootSectorBase64()})
	more["disks"] = []any{disk}
	s.define(t, name, more)
}

// up waits until the guest says so on its console.
func (s suite) up(t *testing.T, name string) {
	t.Helper()
	console := do[virt.Console](t, s, "domain.console-log", arguments{"name": name, "until": "guest has booted", "deadline": 60})
	require.True(t, console.Matched, "%q", console.Text)
}

func (s suite) guests(t *testing.T) {
	name := s.prefix + "-acpi"
	s.bootable(t, name, arguments{})
	guest := arguments{"name": name}
	do[virt.DomainChange](t, s, "domain.start", guest)
	s.up(t, name)
	require.True(t, do[virt.DomainChange](t, s, "domain.reboot", guest).Changed)
	s.up(t, name)
	stopped := do[virt.DomainChange](t, s, "domain.stop", arguments{"name": name, "mode": "graceful", "deadline": 60})
	require.Equal(t, "shutoff", stopped.State)
	require.True(t, stopped.Changed)

	// One that hears nothing: paused as soon as it starts.
	do[virt.DomainChange](t, s, "domain.start", arguments{"name": name, "paused": true})
	s.refused(t, virt.Busy, "domain.stop", guest)
	do[virt.DomainChange](t, s, "domain.stop", arguments{"name": name, "mode": "force"})

	// One that has nothing to hear with.
	deaf := s.prefix + "-deaf"
	s.define(t, deaf, nil)
	do[virt.DomainChange](t, s, "domain.start", arguments{"name": deaf})
	s.refused(t, virt.Timeout, "domain.stop", arguments{"name": deaf, "deadline": 1})
	require.Equal(t, "shutoff", do[virt.DomainChange](t, s, "domain.stop", arguments{"name": deaf, "mode": "graceful-then-force", "deadline": 1}).State)
	s.refused(t, virt.Busy, "domain.guest-info", arguments{"name": deaf})
	do[virt.DomainChange](t, s, "domain.start", arguments{"name": deaf})
	require.Contains(t, s.refused(t, virt.Unsupported, "domain.guest-info", arguments{"name": deaf}), "QEMU guest agent is not configured")

	// One whose agent is not there.
	silent := s.prefix + "-silent"
	s.define(t, silent, arguments{"agent": true})
	s.refused(t, virt.Busy, "domain.guest-info", arguments{"name": silent})
	do[virt.DomainChange](t, s, "domain.start", arguments{"name": silent})
	require.Contains(t, s.refused(t, virt.Unreachable, "domain.guest-info", arguments{"name": silent}), "QEMU guest agent is not connected")
}

func (s suite) devices(t *testing.T) {
	name := s.prefix + "-dev"
	s.bootable(t, name, arguments{"machine": "q35", "ports": 2})
	extra := s.volume(t, name+"-extra.qcow2", "qcow2")
	do[virt.DomainChange](t, s, "domain.start", arguments{"name": name})
	s.up(t, name)
	require.True(t, do[virt.DomainChange](t, s, "domain.attach", arguments{"name": name, "disk": extra}).Changed)
	require.Contains(t, do[virt.Document](t, s, "domain.getxml", arguments{"name": name}).XML, "vdb")
	raw, err := s.attempt(t, "domain.attach", arguments{"name": name, "disk": extra}, virt.Call{Key: "again", Retry: true})
	require.NoError(t, err)
	require.False(t, changedIn(t, raw), "a retry finds it attached")
	do[virt.DomainChange](t, s, "domain.block-resize", arguments{"name": name, "target": "vdb", "capacity": 2 << 20})
	s.refused(t, virt.NotFound, "domain.detach", arguments{"name": name, "target": "vdz"})
	do[virt.DomainChange](t, s, "domain.stop", arguments{"name": name, "mode": "force"})
	require.True(t, do[virt.DomainChange](t, s, "domain.detach", arguments{"name": name, "target": "vdb"}).Changed)

	deleted := do[virt.DomainDeletion](t, s, "domain.delete", arguments{"name": name, "storage": true})
	require.Equal(t, []string{s.Pool + "/" + name + ".raw"}, deleted.Volumes)
}

// media: the CD in a running guest's drive is changed.
func (s suite) media(t *testing.T) {
	name := s.prefix + "-cd"
	drive := func(volume arguments) arguments {
		return arguments{"pool": volume["pool"], "volume": volume["volume"], "format": "raw", "device": "cdrom", "bus": "sata", "target": "sda"}
	}
	first, second := drive(s.volume(t, name+"-1.raw", "raw")), drive(s.volume(t, name+"-2.raw", "raw"))
	s.define(t, name, arguments{"machine": "q35", "disks": []any{first}})
	do[virt.DomainChange](t, s, "domain.start", arguments{"name": name})
	require.True(t, do[virt.DomainChange](t, s, "domain.update-device", arguments{"name": name, "disk": second}).Changed)
	for range 2 {
		seen := do[virt.Document](t, s, "domain.getxml", arguments{"name": name}).XML
		require.Contains(t, seen, name+"-2.raw")
		require.NotContains(t, seen, name+"-1.raw")
		do[virt.DomainChange](t, s, "domain.stop", arguments{"name": name, "mode": "force"})
	}
	delete(second, "target")
	s.refused(t, virt.Invalid, "domain.update-device", arguments{"name": name, "disk": second})
}

// screen: a picture of what a running guest shows, that of raw XML and one of each kind
// of screen; a guest has none unless it was asked for.
func (s suite) screen(t *testing.T) {
	name := s.prefix + "-screen"
	xml := "<domain type='" + s.Type + "'><name>" + name + "</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>" +
		"<os><type arch='x86_64'>hvm</type></os><devices><video><model type='vga'/></video></devices></domain>"
	do[virt.DomainChange](t, s, "domain.create", arguments{"xml": xml, "ephemeral": true})
	require.NotEmpty(t, do[virt.Picture](t, s, "domain.screenshot", arguments{"name": name}).Data)
	do[virt.DomainChange](t, s, "domain.stop", arguments{"name": name, "mode": "force"})
	for video, machine := range map[string]string{"vga": "pc", "virtio": "q35", "": "pc"} {
		name := s.prefix + "-screen" + video
		more := arguments{"machine": machine}
		if video != "" {
			more["video"] = video
		}
		s.define(t, name, more)
		do[virt.DomainChange](t, s, "domain.start", arguments{"name": name})
		if video == "" {
			require.Contains(t, s.refused(t, virt.Unsupported, "domain.screenshot", arguments{"name": name}), "video: vga")
		} else {
			require.NotEmpty(t, do[virt.Picture](t, s, "domain.screenshot", arguments{"name": name}).Data)
		}
		do[virt.DomainChange](t, s, "domain.stop", arguments{"name": name, "mode": "force"})
	}
}
