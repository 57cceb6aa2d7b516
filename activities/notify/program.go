package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"lazaret.dev/lazaret/policies"
)

// programTimeout bounds an exec target.
const programTimeout = 10 * time.Second

// runProgram hands the message to the operator's program, as JSON on its standard
// input and in no other way: nothing of a message is an argument or a variable. It
// gets PATH, and the target's secret in LAZARET_NOTIFY_SECRET.
func runProgram(ctx context.Context, target policies.NotifyTarget, secret string, m Message) error {
	if err := checkProgram(target.Command); err != nil {
		return err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, programTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, target.Command[0], target.Command[1:]...) //nolint:gosec // the operator's, checked above
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	if secret != "" {
		command.Env = append(command.Env, "LAZARET_NOTIFY_SECRET="+secret)
	}
	command.Stdin = bytes.NewReader(append(body, '\n'))
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = time.Second
	err = command.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("%s did not end within %s", target.Command[0], programTimeout)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", target.Command[0], err)
	}
	return nil
}

// checkProgram refuses what somebody else could have put there.
func checkProgram(command []string) error {
	if len(command) == 0 || !filepath.IsAbs(command[0]) {
		return errors.New("command has no absolute path of a program")
	}
	info, err := os.Stat(command[0])
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || info.Mode().Perm()&0o022 != 0 || stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is not a program that root or this user alone can change", command[0])
	}
	return nil
}
