// Package cgroup gives each run a group of its own: memory with swap, processes
// and CPU are limited by it, and its counters say why a run ended.
//
// It works with the controllers wherever this machine has them: all in the
// unified hierarchy (v2), or each in a hierarchy of its own (v1), then with the
// unified hierarchy, if mounted, only for killing. Groups are made below the
// group that this process is in, hierarchy by hierarchy, so that whatever limits
// the worker limits its runs too.
//
// A controller that is not there, or that this process may not use, is missing
// from its groups; [Manager.Missing] says why. What to do without it is the
// caller's to decide.
//
// Joining a v1 hierarchy takes about 8 ms when nothing else did so lately, since
// the kernel waits for an RCU grace period: join before the run is asked for.
package cgroup
