// Package sandboxtest puts a test's child processes where workers run in
// reality: an ordinary user, a machine without user namespaces, the inside of a
// container. They are made of the same parts as the real ones: credentials,
// namespaces, mounts, capabilities, a seccomp filter.
//
// A test binary calls [Enter] at the beginning of TestMain, after
// sandbox.MaybeInit. A test then starts the binary with [Variable] naming one of
// [Circumstances] in its environment: what TestMain does after Enter happens there.
//
// It is for tests alone, and needs root.
package sandboxtest
