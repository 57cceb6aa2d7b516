// Package seccomp turns a list of permissions into a seccomp filter, simulates
// that filter, and answers the notifications of a loaded one.
//
// A [Policy] is data: rules that permit system calls, by name and by argument.
// What no rule mentions is denied: the kernel stops the calling thread and asks
// the supervisor that holds the filter's listener, see [Listener]. Compile makes
// classic BPF of it; Simulate runs that BPF without a kernel, which is how the
// tests show that the program gives the rules' verdict for every call.
//
// Limits. A filter sees registers, never memory: a rule cannot look at a path or
// a socket address, and no decision here is made on such a thing. Arguments that
// the kernel takes as int are compared as 32 bits (see Condition.Width). Calls
// through a foreign ABI (i386 and x32 on x86-64) kill the process.
package seccomp
