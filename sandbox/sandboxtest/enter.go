package sandboxtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Variable names the circumstance in which a process is to run.
const Variable = "LAZARET_TEST_WHERE"

// stage is how far the process has come: outside, in its namespaces, all there.
const stage = "LAZARET_TEST_WHERE_STAGE"

// Enter does nothing in a process without Variable. Otherwise the process becomes
// one in the circumstance, with the same arguments and streams.
func Enter() {
	name, ok := os.LookupEnv(Variable)
	if !ok {
		return
	}
	c, ok := circumstances[name]
	if !ok {
		fail(fmt.Errorf("no circumstance %q", name))
	}
	switch os.Getenv(stage) {
	case "":
		os.Exit(outside(c))
	case "inside":
		fail(inside(c))
	}
	_ = os.Unsetenv(Variable)
	_ = os.Unsetenv(stage)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "circumstance: "+err.Error())
	os.Exit(99)
}

// outside starts the process again with what can only be given at its birth.
func outside(c circumstance) int {
	cmd := exec.Command("/proc/self/exe") //nolint:noctx // it dies with this process
	cmd.Args = os.Args
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), stage+"=inside")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: c.namespaces, Credential: c.user}
	if c.ids > 0 {
		maps := []syscall.SysProcIDMap{{ContainerID: 0, HostID: c.firstID, Size: c.ids}}
		cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = maps, maps
		cmd.SysProcAttr.GidMappingsEnableSetgroups = true
		cmd.SysProcAttr.Credential = &syscall.Credential{}
	}
	if c.delegated {
		remove, err := delegate(cmd.SysProcAttr, c.user)
		if err != nil {
			fail(err)
		}
		defer remove()
	}
	runtime.LockOSThread() // Pdeathsig is about this thread
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		fail(err)
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		fail(err)
	}
	return cmd.ProcessState.ExitCode()
}

// inside changes what a process can change of itself, and starts its program anew
// from the thread that has changed: only its capabilities and filter survive.
func inside(c circumstance) error {
	runtime.LockOSThread()
	for _, change := range c.changes {
		if err := change(); err != nil {
			return err
		}
	}
	env := append(os.Environ(), c.env...)
	for i, v := range env {
		if strings.HasPrefix(v, stage+"=") {
			env[i] = stage + "=there"
		}
	}
	return unix.Exec("/proc/self/exe", os.Args, env)
}
