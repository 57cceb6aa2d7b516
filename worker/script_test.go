package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/activities/virt/libvirt"
	"lazaret.dev/lazaret/worker/install"
)

var updateScripts = flag.Bool("u", false, "rewrite the expectations in testdata/script")

// TestScript runs the command lines of testdata/script, each with a state
// folder of its own. Beside testscript's own commands there are:
//
//	exits CODE COMMAND…        runs a command that must exit with this code
//	until REGEXP COMMAND…      runs a command until its output matches
//	spawn NAME COMMAND…        starts a command; its output goes to NAME.stdout and NAME.stderr
//	signal NAME INT|TERM|KILL  sends a spawned command a signal
//	ended NAME CODE            waits for a spawned command; a killed one has code -1
//	up [FLAG…]                 spawns "lazaret up" as up, and waits until it is there
//	listen VARIABLE            listens on a free port and puts its address into the variable
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *updateScripts,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpScript,
		Condition:           scriptCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  command("exits CODE COMMAND…", 2, exitsCommand),
			"until":  command("until REGEXP COMMAND…", 2, untilCommand),
			"spawn":  command("spawn NAME COMMAND…", 2, func(ts *testscript.TestScript, args []string) { spawn(ts, args[0], args[1:]...) }),
			"signal": command("signal NAME INT|TERM|KILL", 2, signalCommand),
			"ended":  command("ended NAME CODE", 2, endedCommand),
			"up":     command("up [FLAG…]", 0, bringUp),
			"listen": command("listen VARIABLE", 1, listenCommand),
		},
	})
}

// scriptCondition knows libvirt: this build and this machine have it. In CI they must.
func scriptCondition(name string) (bool, error) {
	if name != "libvirt" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	libraries, err := filepath.Glob("/usr/lib/*/libvirt.so.0")
	return libvirt.Built && len(libraries) > 0 || os.Getenv("CI") != "", err
}

func setUpScript(env *testscript.Env) error {
	definitions, err := filepath.Abs("../testdata/definitions")
	env.Setenv("DEFINITIONS", definitions)
	env.Setenv("INBOX", filepath.Join(filepath.Dir(definitions), "inbox"))
	if python, err := environments.FindPythons().Default(activities.HostInterpreters().Python); err == nil {
		env.Setenv("PYTHON_VERSION", python.Version)
	}
	env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "xdg"))
	env.Setenv("STATE", filepath.Join(env.WorkDir, "xdg", "lazaret"))
	env.Values[commandsKey{}] = map[string]*exec.Cmd{}
	return err
}

// command checks what all commands of ours have in common.
func command(usage string, least int, run func(*testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, negated bool, args []string) {
		if negated || len(args) < least {
			ts.Fatalf("usage: %s", usage)
		}
		run(ts, args)
	}
}

func exitsCommand(ts *testscript.TestScript, args []string) {
	requireCode(ts, args[0], ts.Exec(args[1], args[2:]...))
}

// requireCode checks how a command has ended.
func requireCode(ts *testscript.TestScript, want string, ended error) {
	code := 0
	if ended != nil {
		code = -1
	}
	if exit, ok := errors.AsType[*exec.ExitError](ended); ok {
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d (%v), want %s", code, ended, want)
	}
}

// patience bounds every wait; only a failing test waits that long.
const patience = 3 * time.Minute

func untilCommand(ts *testscript.TestScript, args []string) {
	want := regexp.MustCompile("(?m)" + args[0])
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		_ = ts.Exec(args[1], args[2:]...)
		if want.MatchString(ts.ReadFile("stdout")) || want.MatchString(ts.ReadFile("stderr")) {
			return
		}
	}
	ts.Fatalf("no match for %s within %s", args[0], patience)
}

// commandsKey finds a script's spawned commands, which go by name.
type commandsKey struct{}

func spawnedCommands(ts *testscript.TestScript) map[string]*exec.Cmd {
	return ts.Value(commandsKey{}).(map[string]*exec.Cmd)
}

func spawnedCommand(ts *testscript.TestScript, name string) *exec.Cmd {
	cmd := spawnedCommands(ts)[name]
	if cmd == nil {
		ts.Fatalf("no command %q was spawned", name)
	}
	return cmd
}

func spawn(ts *testscript.TestScript, name string, args ...string) {
	// testscript keeps the environment to itself and to those that it runs.
	ts.Check(ts.Exec("env", "-0"))
	environment := strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\x00"), "\x00")
	ts.Check(ts.Exec("which", args[0]))
	cmd := exec.CommandContext(context.Background(), strings.TrimSpace(ts.ReadFile("stdout")), args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), environment
	cmd.Stdout, cmd.Stderr = create(ts, name+".stdout"), create(ts, name+".stderr")
	ts.Check(cmd.Start())
	spawnedCommands(ts)[name] = cmd
	ts.Defer(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
}

func create(ts *testscript.TestScript, name string) *os.File {
	file, err := os.Create(ts.MkAbs(name))
	ts.Check(err)
	ts.Defer(func() { _ = file.Close() })
	return file
}

func signalCommand(ts *testscript.TestScript, args []string) {
	signals := map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}
	ts.Check(spawnedCommand(ts, args[0]).Process.Signal(signals[args[1]]))
}

func endedCommand(ts *testscript.TestScript, args []string) {
	cmd := spawnedCommand(ts, args[0])
	hang := time.AfterFunc(patience, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer hang.Stop()
	err := cmd.Wait()
	ts.Logf("%s:\n%s", args[0], ts.ReadFile(args[0]+".stderr"))
	requireCode(ts, args[1], err)
}

func bringUp(ts *testscript.TestScript, args []string) {
	flags := []string{"up", "--address", "127.0.0.1:0", "--ui-address", "127.0.0.1:0", "--metrics-address", ""}
	spawn(ts, "up", append(append([]string{"lazaret"}, flags...), args...)...)
	home, err := install.Open(ts.Getenv("STATE"))
	ts.Check(err)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if d, found, _ := home.Running(); found && d.PID == spawnedCommand(ts, "up").Process.Pid {
			ts.Setenv("ADDRESS", d.Address)
			ts.Setenv("TOKEN", home.Token(install.CLI))
			return
		}
	}
	ts.Fatalf("lazaret up did not come up:\n%s", ts.ReadFile("up.stderr"))
}

func listenCommand(ts *testscript.TestScript, args []string) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	ts.Setenv(args[0], listener.Addr().String())
}

// TestHelp_HasExamples: whoever asks a command for help sees how it is used.
func TestHelp_HasExamples(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		assert.NotEmpty(t, cmd.Example, cmd.CommandPath())
		assert.NotEmpty(t, cmd.Short, cmd.CommandPath())
		for _, below := range cmd.Commands() {
			visit(below)
		}
	}
	visit((&app{}).rootCommand())
}
