package sandbox

import (
	"lazaret.dev/lazaret/sandbox/machine"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// features is what the kernel offers beyond what every supported one has.
type features struct {
	arch          seccomp.Arch
	landlock      landlockABI
	listenerFlags uintptr
	identity      identity
	lacks         []Lack // see Runner.try
	off           layer  // what a test of the other layers leaves out; nothing in any other build
}

func probeFeatures(m machine.Machine) (features, error) {
	f := features{identity: chooseIdentity(m, hostUIDs.exist())}
	var err error
	if f.arch, err = seccomp.Native(); err != nil {
		return f, unavailable("choose the system-call table", err)
	}
	if f.listenerFlags, err = seccomp.ListenerFlags(); err != nil {
		return f, unavailable("probe seccomp", err)
	}
	if f.landlock, err = probeLandlock(); err != nil {
		f.lacks = append(f.lacks, newLack(Landlock, stepLandlock, err, m))
	}
	return f, nil
}
