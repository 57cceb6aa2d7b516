package worker

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/sandboxtest"
	"lazaret.dev/lazaret/worker/devserver"
	"lazaret.dev/lazaret/worker/install"
)

// testBuild is what tests are a build of.
var testBuild = Build{Version: "v0.0.0-test", Commit: "test"}

// TestMain lets this binary be four things: the sandbox's init, a libvirt client,
// the lazaret command of test scripts, and the tests.
func TestMain(m *testing.M) {
	sandbox.MaybeInit()
	MaybeLibvirt()
	sandboxtest.Enter()
	testscript.Main(testRun{m}, map[string]func(){
		"lazaret": func() { os.Exit(Main(os.Args[1:], testBuild)) },
	})
}

// testRun stops the shared Temporal after the tests.
type testRun struct{ m *testing.M }

func (r testRun) Run() int {
	code := r.m.Run()
	sharedTemporal.stop()
	return code
}

// sharedTemporal is the one embedded Temporal, with a worker at level
// standard, of all tests in this package that need one in process.
var sharedTemporal shared

type shared struct {
	once     sync.Once
	dir      string
	app      *app
	embedded *embedded
	install  *install.Install
	outside  *standIn
	monitor  *monitor
	log      *os.File
	err      error
}

func (s *shared) start() {
	if s.dir, s.err = os.MkdirTemp("", "lazaret-test-"); s.err != nil {
		return
	}
	if s.log, s.err = os.Create(filepath.Join(s.dir, "worker.log")); s.err != nil {
		return
	}
	// All that the worker says is kept, for those who look for what it must not say.
	s.app = &app{build: testBuild, stdin: os.Stdin, stdout: os.Stdout, stderr: loudly{s.log}, logFormat: "json", logLevel: "trace"}
	if s.monitor, s.err = newMonitor(context.Background(), "127.0.0.1:0"); s.err != nil {
		return
	}
	s.monitor.serve(func(context.Context) error { return nil })
	if s.install, s.err = install.Open(s.dir); s.err != nil {
		return
	}
	if s.outside, s.err = startStandIn(); s.err != nil {
		return
	}
	calls, err := s.outside.supplies(s.dir)
	if s.err = err; err != nil {
		return
	}
	s.app.events.rules = "testdata/event-rules.yaml"
	var events eventOptions
	if events, s.err = s.app.eventOptions(); s.err != nil {
		return
	}
	s.embedded, s.err = s.app.startEmbedded(context.Background(), s.install, devserver.Options{
		Address: "127.0.0.1:0", NoUI: true, Kind: install.Up,
	}, serviceOptions{policy: testPolicy(), grace: time.Second, maxScripts: 4, calls: calls, supplies: startSupplies(s.dir, s.outside.public), auditDir: s.dir + "/audit", events: events, monitor: s.monitor})
}

// loudly keeps a log, and shows what are errors.
type loudly struct{ kept *os.File }

func (l loudly) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(`"level":"error"`)) {
		_, _ = os.Stderr.Write(line)
	}
	return l.kept.Write(line)
}

// testPolicy gives every definition level standard and all secrets.
func testPolicy() *policySource {
	s := &policySource{}
	s.current.Store(policies.Single("tests", policies.Standard, func(e *policies.Effective) {
		e.Secrets, e.Libvirt = policies.Patterns{"*"}, policies.DefaultLibvirt(activities.LibvirtOperations())
	}))
	return s
}

func (s *shared) stop() {
	if s.embedded != nil {
		s.embedded.stop()
	}
	if s.outside != nil {
		s.outside.close()
	}
	s.monitor.close()
	if s.log != nil {
		_ = s.log.Close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// temporalSession opens a session with the shared Temporal.
func temporalSession(t *testing.T) *session {
	t.Helper()
	sharedTemporal.once.Do(sharedTemporal.start)
	require.NoError(t, sharedTemporal.err)
	c, err := sharedTemporal.app.dial(t.Context(), localOptions(sharedTemporal.install, sharedTemporal.embedded.server.Address(), install.CLI))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return &session{Client: c, install: sharedTemporal.install}
}
