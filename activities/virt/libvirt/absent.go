//go:build !libvirt_dlopen || !cgo

package libvirt

import (
	"context"

	"lazaret.dev/lazaret/activities/virt"
)

// Host is a libvirt host that cannot be reached.
type Host struct{}

// Built says whether this program can use libvirt.
const Built = false

// New returns the host of a URI.
func New(string) *Host { return &Host{} }

var errAbsent = virt.Errorf(virt.Unsupported, "this lazaret was built without libvirt; build it with scripts/build, or with -tags libvirt_dlopen and a C compiler")

// Watch fails likewise.
func (*Host) Watch(context.Context, func(virt.Happening)) error { return errAbsent }

// Execute fails: there is no libvirt in this program.
func (*Host) Execute(context.Context, virt.Call, func(virt.Progress)) (any, error) {
	return nil, errAbsent
}
