// Package zygote is what a process needs to fork sandboxed copies of itself.
//
// A zygote has started an interpreter once. For each sandbox it forks twice: pid 1
// of new namespaces, which builds the sandbox and then only reaps, and pid 2, which
// goes on as the interpreter. What they do between is data, a Program: the very
// system calls that a sandbox from scratch makes (see initproc), and those that take
// the place of the init helper and of execve.
//
// An interpreter's memory is not to be touched in pid 1: each page would be copied.
// So a Program is executed by a few hundred bytes of machine code (Code) that know
// nothing but it. Python holds what Python has to do; its counterpart is zygote.py.
package zygote
