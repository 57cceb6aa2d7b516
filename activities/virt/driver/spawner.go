package driver

import (
	"os"
	"runtime"
	"syscall"
)

// spawner starts processes from one operating-system thread that lives until it
// is closed: PR_SET_PDEATHSIG fires when the thread that forked dies, and a thread
// of Go's may die at any time.
type spawner struct {
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

func newSpawner() (*spawner, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	s := &spawner{null, make(chan spawnRequest), make(chan struct{})}
	go s.run()
	return s, nil
}

// run ends its thread with itself, since it never unlocks it.
func (s *spawner) run() {
	runtime.LockOSThread()
	defer close(s.done)
	for r := range s.requests {
		p, err := fork(r.uri, r.files)
		r.reply <- spawnReply{p, err}
	}
}

// environment is what a process needs of ours: where a session's daemon and the
// keys of TLS and ssh are.
var environment = []string{"HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "PATH", "SSH_AUTH_SOCK", "LD_LIBRARY_PATH"}

func fork(uri string, files []uintptr) (*os.Process, error) {
	env := []string{"GOTRACEBACK=single"}
	for _, name := range environment {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	pid, err := syscall.ForkExec("/proc/self/exe", []string{Name, uri}, &syscall.ProcAttr{ //nolint:gosec // ourselves
		Dir: "/", Env: env, Files: files,
		Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return nil, err
	}
	return os.FindProcess(pid)
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
