package virttest

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lazaret.dev/lazaret/activities/virt"
)

// What each target cannot do. An operation that is new is in none of them: the suite
// has to be given a case of it, or an entry here with the reason.
var (
	// FakeLacks is of a Fake.
	FakeLacks = map[string]string{
		"domain.attach": ofGuests, "domain.detach": ofGuests, "domain.update-device": ofGuests, "domain.block-resize": ofGuests,
		"domain.console-log": ofGuests, "domain.screenshot": ofGuests, "domain.guest-info": ofGuests, "domain.migrate": ofHosts,
		"volume.resize": ofFiles, "volume.upload": ofFiles, "volume.download": ofFiles,
	}
	// TestDriverLacks is of libvirt's driver test:///default.
	TestDriverLacks = map[string]string{
		"domain.attach": ofGuests, "domain.detach": ofGuests, "domain.update-device": ofGuests, "domain.block-resize": ofGuests,
		"domain.console-log": ofGuests, "domain.guest-info": ofGuests, "domain.migrate": ofHosts,
		"volume.resize": ofFiles, "volume.upload": ofFiles, "volume.download": ofFiles,
		"network.leases": "no guest of its asks for an address",
		// TestScreenshot has its one picture, of a guest that is there from the start.
		"domain.screenshot": "its guests that are made have no screen",
	}
	// QEMULacks is of one private libvirtd with QEMU.
	QEMULacks = map[string]string{
		"domain.migrate":    ofHosts + ": TestMigrate",
		"domain.guest-info": "no guest of the suite has an agent, and what it says without is tried: TestGuestInfo",
	}
)

const (
	ofGuests = "of guests that really run"
	ofHosts  = "of two hosts"
	ofFiles  = "of volumes with bytes in them"
)

// can says whether the target carries an operation out.
func (s suite) can(operation string) bool { return s.Lacks[operation] == "" }

// every requires that each operation has succeeded in the suite, or is lacking, and
// that none is said to be lacking which is not.
func (s suite) every(t *testing.T) {
	for _, o := range virt.Operations() {
		why, lacking := s.Lacks[o.Name]
		switch {
		case lacking && s.seen[o.Name]:
			assert.Fail(t, "it is there", "%s succeeded, and is said to be lacking: %s", o.Name, why)
		case !lacking && !s.seen[o.Name]:
			assert.Fail(t, "no case", "nothing in the conformance suite has %s succeed", o.Name)
		}
	}
	for name := range s.Lacks {
		_, ok := virt.Find(name)
		assert.True(t, ok, "%s is no operation any more", name)
	}
}
