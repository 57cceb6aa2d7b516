package sandbox

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"lazaret.dev/lazaret/sandbox/initproc"
)

// spawner starts helpers from one operating-system thread that lives until the
// runner is closed. PR_SET_PDEATHSIG fires when the thread that forked dies, and
// pid 1 inherits the helper's parent: on a thread that Go may end at any time
// sandboxes would be killed at random.
type spawner struct {
	helper   *os.File
	requests chan spawnRequest
	done     chan struct{}
}

type spawnRequest struct {
	files []uintptr
	reply chan<- spawnReply
}

type spawnReply struct {
	process *os.Process
	err     error
}

func newSpawner(helper *os.File) *spawner {
	s := &spawner{helper, make(chan spawnRequest), make(chan struct{})}
	go s.run()
	return s
}

// run ends its thread with itself, since it never unlocks it. The helper is named
// through this process's descriptor table, not the child's, in which the standard
// descriptors are being moved about.
func (s *spawner) run() {
	runtime.LockOSThread()
	defer close(s.done)
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), s.helper.Fd())
	for r := range s.requests {
		p, err := startHelper(path, r.files)
		r.reply <- spawnReply{p, err}
	}
}

func startHelper(path string, files []uintptr) (*os.Process, error) {
	pid, err := syscall.ForkExec(path, []string{initproc.Name}, &syscall.ProcAttr{ //nolint:gosec // the path is of our own descriptor
		Dir:   "/",
		Env:   []string{"GOMAXPROCS=1", "GOGC=off", "GOTRACEBACK=none"},
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return nil, err
	}
	return os.FindProcess(pid)
}

// start starts a helper; files become its descriptors from 0.
func (s *spawner) start(files []uintptr) (*os.Process, error) {
	reply := make(chan spawnReply, 1)
	s.requests <- spawnRequest{files, reply}
	r := <-reply
	return r.process, r.err
}

// close ends the thread. Preconditions: no helper or sandbox is left, and start
// is not called any more.
func (s *spawner) close() error {
	close(s.requests)
	<-s.done
	return s.helper.Close()
}
