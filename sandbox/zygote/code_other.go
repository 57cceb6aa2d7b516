//go:build !amd64

package zygote

// Code is the machine that executes Programs; nil, for this architecture has none.
func Code() []byte { return nil }
