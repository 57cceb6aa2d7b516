// Package sandbox runs one program under one Spec in a sandbox that is made for
// it and gone after it, and reports what happened.
//
// # Model
//
// A [Runner] lives as long as the worker. [Runner.Run] gives a program
//
//   - user, pid, mount, network, ipc, uts and cgroup namespaces of its own, with
//     a host user id that no other live sandbox has;
//   - an empty tmpfs as root, read-only once built, with the Spec's binds read-only
//     in it, four device nodes, and a bounded writable /scratch and /tmp if asked for;
//   - no capabilities, no_new_privs, resource limits, a Landlock domain;
//   - if the Spec has a Network, the listed hosts, by name and through this process
//     alone, see package egress;
//   - a cgroup for memory with swap, processes and CPU;
//   - a system-call filter that denies what it does not list. A supervisor in this
//     process records denials as [Violation] values, and looks at the paths of calls
//     that the mounts will refuse; [Classes] is the table of what an act means.
//
// Pid 1 of the sandbox only reaps. When the program ends, for whatever reason,
// so does every process it left behind. When the worker dies, so do its sandboxes.
//
// Each layer fails closed: what the machine cannot enforce is an error that
// wraps [ErrUnavailable] and names the step, and nothing has run. [Probe] tries
// all steps and explains.
//
// Nothing that the program says decides the [Outcome]: it comes from the kernel's
// wait status, from the cgroup's counters and from the supervisor.
//
// # Processes
//
// Sandboxes are built by a small helper, see package initproc. If the worker's
// build embedded it (go generate ./sandbox), it runs from a sealed memfd;
// otherwise the worker executes itself, and its main function, and TestMain of
// any test that runs sandboxes, must call [MaybeInit] first.
//
// # Limits
//
// A kernel bug reachable through the permitted calls, CPU side channels and
// timing are outside what this package can stop. Put the worker into a virtual
// machine where programs are hostile and tenants must not meet.
package sandbox

//go:generate env CGO_ENABLED=0 go build "-ldflags=-s -w" -o initbin/lazaret-init ./lazaret-init
