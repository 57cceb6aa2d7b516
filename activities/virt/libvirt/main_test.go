//go:build libvirt_dlopen && cgo

package libvirt_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/activities/virt/libvirt"
)

func TestMain(m *testing.M) {
	if driver.Started() {
		os.Exit(driver.Serve(libvirt.New(os.Args[1]), func(string) error { return nil }))
	}
	goleak.VerifyTestMain(m)
}
