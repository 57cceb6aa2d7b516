package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"lazaret.dev/lazaret/worker/install"
)

// up is a `lazaret up` of our own: a private state folder, free ports.
type up struct {
	home    *install.Install
	address string
	command *exec.Cmd
	log     bytes.Buffer
}

const (
	upTimeout   = 30 * time.Second
	stopTimeout = 20 * time.Second
)

// startUp starts it and waits until it announces its Temporal. The caller must
// stop it.
func startUp(ctx context.Context, b *bench) (*up, error) {
	return startUpWith(ctx, b, "--metrics-address", "")
}

// startUpWith gives it flags.
func startUpWith(ctx context.Context, b *bench, flags ...string) (*up, error) {
	dir := filepath.Join(b.dir, "up")
	home, err := install.Open(dir)
	if err != nil {
		return nil, err
	}
	u := &up{home: home}
	u.command = b.command(ctx, "up", "--state-dir", dir, "--address", "127.0.0.1:0", "--ui-address", "127.0.0.1:0")
	u.command.Args = append(u.command.Args, flags...)
	u.command.Stderr = &u.log
	if err := u.command.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(upTimeout); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		running, found, err := home.Running()
		if err != nil {
			return nil, errors.Join(err, u.stop())
		}
		if found {
			u.address = running.Address
			return u, nil
		}
	}
	_ = u.stop()
	return nil, fmt.Errorf("lazaret up did not come up: %s", u.log.String())
}

func (u *up) dir() string { return u.home.Dir() }

// stop ends it as a user would.
func (u *up) stop() error {
	_ = u.command.Process.Signal(syscall.SIGTERM)
	return u.command.Wait()
}

// command is a lazaret that knows of no other Temporal. When ctx ends it is
// asked to end, and killed if it does not.
func (b *bench) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.lazaret, args...) //nolint:gosec // the binary that whoever runs this wants measured
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TEMPORAL_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	return cmd
}

// once runs a command to its end and gives the times from its start to its whole
// output, and to the process's end.
func (b *bench) once(ctx context.Context, want string, args ...string) ([]time.Duration, error) {
	cmd := b.command(ctx, args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	output, err := readLine(stdout)
	result := time.Since(begin)
	if err = errors.Join(err, cmd.Wait()); err != nil {
		return nil, fmt.Errorf("lazaret %s: %w: %s", strings.Join(args, " "), err, complaints.String())
	}
	end := time.Since(begin)
	if !strings.Contains(output, want) {
		return nil, fmt.Errorf("lazaret %s: printed %q", strings.Join(args, " "), output)
	}
	return []time.Duration{result, end}, nil
}

// readLine reads up to the end of the first line and no further: its arrival is
// what is timed.
func readLine(r io.Reader) (string, error) {
	var line []byte
	chunk := make([]byte, 4096)
	for !bytes.HasSuffix(line, []byte("\n")) {
		n, err := r.Read(chunk)
		line = append(line, chunk[:n]...)
		if err != nil {
			return string(line), fmt.Errorf("read the output: %w", err)
		}
	}
	return string(line), nil
}
