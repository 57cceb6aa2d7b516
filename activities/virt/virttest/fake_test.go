package virttest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/virttest"
)

// The fake is held to what libvirt's drivers are held to.
func TestConformance_Fake(t *testing.T) {
	t.Parallel()
	virttest.Conform(t, virttest.Target{Driver: virttest.NewFake(), URI: "test:///default", Pool: virttest.FakePool, Type: "test", Lacks: virttest.FakeLacks})
}

// What a target lacks another one has: no operation goes without a case, but migration,
// which has a test between two hosts, and what only an agent in a guest answers.
func TestLacks(t *testing.T) {
	t.Parallel()
	for _, o := range virt.Operations() {
		lacking := 0
		for _, target := range []map[string]string{virttest.FakeLacks, virttest.TestDriverLacks, virttest.QEMULacks} {
			if target[o.Name] != "" {
				lacking++
			}
		}
		elsewhere := o.Name == "domain.migrate" || o.Name == "domain.guest-info"
		require.Equal(t, elsewhere, lacking == 3, o.Name)
	}
}

// A connection that reads changes nothing, and tells no more than one of libvirt's (C08).
func TestFake_ReadOnly(t *testing.T) {
	t.Parallel()
	fake := virttest.NewFake()
	for _, o := range virt.Operations() {
		_, err := fake.Call(context.WithoutCancel(t.Context()), virt.Call{Operation: o.Name, ReadOnly: true, Arguments: virt.Arguments{"state": "all"}}, func(virt.Progress) {})
		if o.Changes || o.Privileged {
			require.Equal(t, virt.Denied, virt.AsError(err).Code, o.Name)
		}
	}
}
