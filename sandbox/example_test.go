package sandbox_test

import (
	"context"
	"fmt"
	"log"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// A script of a stranger, at the most restricted level.
func ExampleRunner_Run() {
	runner, err := sandbox.New(sandbox.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = runner.Close() }()

	spec, err := policies.SpecFor(policies.Maximum)
	if err != nil {
		log.Fatal(err)
	}
	env := sandbox.HostEnvironment()
	spec.Binds = env.Binds
	spec.Files = append(env.Files, sandbox.File{Path: "/script.py", Content: []byte("import os\nprint('hello')\nos.fork()\n")})
	spec.Argv = []string{"/usr/bin/python3", "-I", "-S", "-u", "/script.py"}

	result, err := runner.Run(context.Background(), spec)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %q\n", result.Outcome, result.Stdout)
	for _, v := range result.Violations {
		fmt.Println(v.Type, v.Severity, v.Syscall, v.Detail)
	}
	// Output:
	// denied "hello\n"
	// UnauthorizedSystemCall Medium clone flags of a fork
}

func ExampleProbe() {
	for _, c := range sandbox.Probe(context.Background()).Checks {
		if !c.OK {
			fmt.Printf("%s: %s: %s (%s; %s)\n", c.Name, c.Step, c.Error, c.Cause, c.Remedy)
		}
	}
}
