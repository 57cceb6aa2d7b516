package sandbox

import (
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// features is what the kernel offers beyond what every supported one has.
type features struct {
	arch          seccomp.Arch
	landlock      landlockABI
	listenerFlags uintptr
}

func probeFeatures() (features, error) {
	var f features
	var err error
	if f.arch, err = seccomp.Native(); err != nil {
		return f, unavailable("choose the system-call table", err)
	}
	if f.listenerFlags, err = seccomp.ListenerFlags(); err != nil {
		return f, unavailable("probe seccomp", err)
	}
	if f.landlock, err = probeLandlock(); err != nil {
		return f, unavailable("probe Landlock", err)
	}
	return f, nil
}
