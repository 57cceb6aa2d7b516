package virttest

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// Daemon is a libvirtd in namespaces of its own, with nothing of the host's. It is
// stopped, with all its guests, at the end of the test.
type Daemon struct {
	Dir    string // sockets below s, log, and whatever a test puts there
	Socket string
	cmd    *exec.Cmd
	over   chan struct{} // closed when it is stopped
}

//go:embed daemon.sh
var script string

// Start starts a daemon and waits for its socket. It skips the test where libvirtd
// or QEMU is missing; not in CI, where it fails.
func Start(tb testing.TB) *Daemon {
	tb.Helper()
	return start(tb, nil, nil)
}

// StartBeside starts a second daemon, which takes itself for another host, in the
// network of the first.
func (d *Daemon) StartBeside(tb testing.TB) *Daemon {
	tb.Helper()
	return start(tb, d, nil)
}

// start has prepare put files into the daemon's folder first.
func start(tb testing.TB, beside *Daemon, prepare func(dir string)) *Daemon {
	tb.Helper()
	for _, program := range []string{"/usr/sbin/libvirtd", "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-img"} {
		if _, err := os.Stat(program); err != nil {
			missing(tb, err)
		}
	}
	if os.Geteuid() != 0 {
		missing(tb, os.ErrPermission)
	}
	dir, err := os.MkdirTemp("", "lv") //nolint:usetesting // short: a socket's path has 108 bytes
	require.NoError(tb, err)
	d := &Daemon{Dir: dir, Socket: filepath.Join(dir, "s", "libvirt-sock"), over: make(chan struct{})}
	if prepare != nil {
		prepare(dir)
	}
	command, namespaces := []string{"/bin/sh", "-c", script, "sh", dir, uuid.NewString()}, uintptr(syscall.CLONE_NEWNS|syscall.CLONE_NEWPID)
	if beside == nil {
		namespaces |= syscall.CLONE_NEWNET
	} else {
		command = append([]string{"/usr/bin/nsenter", "-t", beside.pid(), "-n"}, command...)
	}
	d.cmd = exec.Command(command[0], command[1:]...) //nolint:noctx,gosec // Stop ends it; the script is ours
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	output, err := os.Create(filepath.Join(dir, "output"))
	require.NoError(tb, err)
	defer func() { _ = output.Close() }()
	d.cmd.Stdout, d.cmd.Stderr = output, output
	require.NoError(tb, d.start())
	tb.Cleanup(d.Stop)
	require.Eventually(tb, func() bool {
		_, err := os.Stat(d.Socket)
		return err == nil
	}, 30*time.Second, 20*time.Millisecond, "libvirtd made no socket; see %s", dir)
	return d
}

// start keeps the thread that forks until the daemon is stopped: Pdeathsig is about
// that thread, and a thread of Go's dies with any goroutine that ends locked to it.
func (d *Daemon) start() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := d.cmd.Start()
		started <- err
		if err == nil {
			<-d.over
		}
	}()
	return <-started
}

func missing(tb testing.TB, err error) {
	tb.Helper()
	if os.Getenv("CI") != "" {
		tb.Fatalf("a private libvirtd: %v; scripts/install test installs what is missing, and root is needed", err)
	}
	tb.Skipf("a private libvirtd: %v", err)
}

// URI is a driver of this daemon: qemu or test.
func (d *Daemon) URI(driver string) string {
	place := "/system"
	if driver == "test" {
		place = "/default"
	}
	return driver + "+unix://" + place + "?socket=" + d.Socket
}

// Stop kills the daemon and everything that it started. It may be called twice.
func (d *Daemon) Stop() {
	if d.cmd.ProcessState == nil {
		_ = d.cmd.Process.Kill() // the namespace's first process: all of it ends
		_ = d.cmd.Wait()
		close(d.over)
	}
	_ = os.RemoveAll(d.Dir)
}

// Freeze stops the daemon's answers without closing its socket, and thaws it again.
func (d *Daemon) Freeze(tb testing.TB, frozen bool) {
	tb.Helper()
	if frozen {
		d.signal(tb, "STOP")
		return
	}
	d.signal(tb, "CONT")
}

// Kill kills libvirtd alone; its guests stay, and another one takes its place.
func (d *Daemon) Kill(tb testing.TB) {
	tb.Helper()
	d.signal(tb, "KILL")
}

// KillWithGuest kills libvirtd and then a guest of QEMU's, of whose end nobody tells.
func (d *Daemon) KillWithGuest(tb testing.TB, name string) {
	tb.Helper()
	d.inside(tb, "kill -KILL $(cat "+d.Dir+"/pid) && kill -KILL $(cat /run/libvirt/qemu/"+name+".pid)")
}

func (d *Daemon) signal(tb testing.TB, name string) {
	tb.Helper()
	d.inside(tb, "kill -"+name+" $(cat "+d.Dir+"/pid)")
}

// inside runs a shell command in the daemon's namespaces.
func (d *Daemon) inside(tb testing.TB, command string) {
	tb.Helper()
	enter := exec.CommandContext(tb.Context(), "/usr/bin/nsenter", "-t", d.pid(), "-p", "-m", "/bin/sh", "-c", command) //nolint:gosec // all of it is ours
	require.NoError(tb, enter.Run())
}

func (d *Daemon) pid() string { return strconv.Itoa(d.cmd.Process.Pid) }
