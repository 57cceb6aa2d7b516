package driver

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"

	"lazaret.dev/lazaret/activities/virt"
)

// spawner starts processes from one operating-system thread that lives until it
// is closed: PR_SET_PDEATHSIG fires when the thread that forked dies, and a thread
// of Go's may die at any time.
type spawner struct {
	mayLack  []string
	null     *os.File
	requests chan spawnRequest
	done     chan struct{}
}

type spawnRequest struct {
	uri   string
	files []uintptr
	reply chan spawnReply
}

type spawnReply struct {
	process *os.Process
	err     error
}

func newSpawner(mayLack []string) (*spawner, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	s := &spawner{mayLack, null, make(chan spawnRequest), make(chan struct{})}
	go s.run()
	return s, nil
}

// run ends its thread with itself, since it never unlocks it.
func (s *spawner) run() {
	runtime.LockOSThread()
	defer close(s.done)
	for r := range s.requests {
		p, err := s.fork(r.uri, r.files)
		r.reply <- spawnReply{p, err}
	}
}

// environment is what a process needs of ours: where a session's daemon and the
// keys of TLS and ssh are.
var environment = []string{"HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "PATH", "SSH_AUTH_SOCK", "LD_LIBRARY_PATH"}

// NetworkNamespace is what an ordinary user, or root of a container, may be unable
// to give a process: a network of its own.
const NetworkNamespace = "user-namespaces"

// fork starts a process, without a network where its host is on this machine.
func (s *spawner) fork(uri string, files []uintptr) (*os.Process, error) {
	env := []string{"GOTRACEBACK=single"}
	for _, name := range environment {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	attr := &syscall.ProcAttr{Dir: "/", Env: env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}}
	if virt.Transport(uri) == virt.Local {
		withoutNetwork(attr.Sys)
	}
	pid, err := syscall.ForkExec("/proc/self/exe", append([]string{Name, uri}, s.mayLack...), attr) //nolint:gosec // ourselves
	if err != nil && attr.Sys.Cloneflags != 0 {
		if !slices.Contains(s.mayLack, NetworkNamespace) {
			return nil, fmt.Errorf("in a network namespace of its own: %w; --allow-degraded %s permits it to be without", err, NetworkNamespace)
		}
		attr.Sys = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
		pid, err = syscall.ForkExec("/proc/self/exe", append([]string{Name, uri}, s.mayLack...), attr) //nolint:gosec // ourselves
	}
	if err != nil {
		return nil, err
	}
	return os.FindProcess(pid)
}

// withoutNetwork has the process made in a network namespace of its own. Who is not
// root needs a user namespace for that, in which it is the same user: a daemon sees
// it as before.
func withoutNetwork(sys *syscall.SysProcAttr) {
	sys.Cloneflags = syscall.CLONE_NEWNET
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		sys.Cloneflags |= syscall.CLONE_NEWUSER
		sys.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		sys.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	}
}

// start starts a process; files become its descriptors from 0.
func (s *spawner) start(uri string, files []uintptr) (*os.Process, error) {
	reply := make(chan spawnReply, 1)
	s.requests <- spawnRequest{uri, files, reply}
	r := <-reply
	return r.process, r.err
}

// close ends the thread. Preconditions: no process is left, and start is not
// called any more.
func (s *spawner) close() error {
	close(s.requests)
	<-s.done
	return s.null.Close()
}
