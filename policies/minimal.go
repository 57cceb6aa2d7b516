package policies

import (
	"slices"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// minimal is standard with what a namespace of the sandbox's own contains, or a
// limit bounds. Mounting, tracing, kernel modules and foreign namespaces stay out
// of reach: trust in a script is no trust in its input.
var minimal = seccomp.Policy{
	Name: "minimal",
	Rules: slices.Concat(base, opening, ioctls, prctls, fcntls, archPrctl, processes, workFiles, localSockets, generatedCode,
		ownResources, sharedMemory),
}

// ownResources: what they ask for beyond the limits, the kernel refuses by itself.
var ownResources = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "sched_setattr", "ioprio_get", "ioprio_set", "mlock", "mlock2", "mlockall", "munlock", "munlockall",
		"mbind", "set_mempolicy", "sync", "syncfs"),
	allowPrctl(unix.PR_SET_TIMERSLACK),
}

// sharedMemory is that of System V; the ipc namespace is the sandbox's own, and
// the memory is counted in its cgroup.
var sharedMemory = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop", "semctl",
		"msgget", "msgsnd", "msgrcv", "msgctl"),
}
