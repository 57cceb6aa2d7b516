package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/sandbox/sandboxtest"
)

// intruded are the hosts whose clients are taken over.
var intruded = []string{"qemu+unix:///system?socket=/nowhere", "qemu+tls://localhost/system", "qemu:///system"}

// intruder is a libvirt client that was taken over: it tries what a description
// says, on each of many threads, and tells how it went.
type intruder struct{}

func (intruder) Watch(ctx context.Context, _ func(virt.Happening)) error {
	<-ctx.Done()
	return ctx.Err()
}

func (intruder) Execute(ctx context.Context, call virt.Call, _ func(virt.Progress)) (any, error) {
	what, argument, _ := strings.Cut(call.Arguments.Text("description"), " ")
	attempt := map[string]func(string) error{
		"read":    func(path string) error { _, err := os.ReadFile(path); return err },
		"list":    func(path string) error { _, err := os.ReadDir(path); return err },
		"write":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"connect": func(where string) error { return dialed((&net.Dialer{}).DialContext(ctx, "tcp", where)) },
		"socket":  func(path string) error { return dialed((&net.Dialer{}).DialContext(ctx, "unix", path)) },
		"signal":  func(string) error { return syscall.Kill(os.Getppid(), syscall.SIGURG) },
		"execute": func(path string) error { return syscall.Exec(path, []string{path}, nil) },
		"capabilities": func(string) error {
			status, err := os.ReadFile("/proc/thread-self/status")
			if err == nil && !regexp.MustCompile(`(?s)CapInh:\s0+\sCapPrm:\s0+\sCapEff:\s0+\s.*CapAmb:\s0+\s.*NoNewPrivs:\s1`).Match(status) {
				err = errors.New(string(status))
			}
			return err
		},
		"network": func(want string) error {
			now, err := os.Readlink("/proc/self/ns/net")
			if err == nil && now == want {
				err = errors.New("the same")
			}
			return err
		},
	}[what]
	var wg sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		wg.Go(func() {
			runtime.LockOSThread() // each on a thread of its own, which it keeps
			results[i] = attempt(argument)
		})
	}
	wg.Wait()
	for _, err := range results {
		if (err == nil) != (results[0] == nil) {
			return nil, fmt.Errorf("threads differ: %w", errors.Join(results...))
		}
	}
	return toldOf(results[0]), nil
}

func toldOf(err error) string {
	if err != nil {
		return err.Error()
	}
	return "done"
}

func dialed(c net.Conn, err error) error {
	if err == nil {
		err = c.Close()
	}
	return err
}

// The process of a libvirt client, taken over, finds the libraries, and a way to a
// daemon: none of the host's files, no network, no other process, and none of root's
// powers (C02, C04, C09).
func TestLibvirtProcess_Confined(t *testing.T) {
	pool, err := driver.NewPool()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	dir := t.TempDir()
	secret, socket := filepath.Join(dir, "secret"), filepath.Join(dir, "socket")
	require.NoError(t, os.WriteFile(secret, []byte("x"), 0o644))
	tcp := listening(t, "tcp", "127.0.0.1:0").Addr().String()
	listening(t, "unix", socket)
	listening(t, "unix", "@lazaret-test-"+filepath.Base(dir))
	own, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)

	const refused = "not permitted|not implemented|permission denied"
	local, remote := intruded[0], intruded[1]
	for _, c := range []struct{ uri, attempt, want string }{
		{local, "read /etc/ld.so.cache", "done"},
		{local, "read /etc/shadow", "permission denied"},
		{local, "read " + secret, "permission denied"},
		{local, "list " + dir, "permission denied"},
		{local, "list /root", "permission denied"},
		{local, "capabilities", "done"},
		{local, "write " + filepath.Join(dir, "new"), refused},
		{local, "execute /bin/true", refused},
		{local, "signal", refused},
		{local, "socket " + socket, "done"},
		{local, "socket @lazaret-test-" + filepath.Base(dir), "connection refused"}, // it is another network's
		{local, "connect " + tcp, refused},
		{local, "network " + own, "done"},
		{remote, "capabilities", "done"},
		{remote, "network " + own, "the same"},
		{remote, "socket @lazaret-test-" + filepath.Base(dir), refused},
		{remote, "connect " + tcp, "permission denied"}, // which is not libvirt's port
		{remote, "read " + secret, "permission denied"},
		{remote, "execute /bin/true", refused},
	} {
		got, err := intrude(t, pool, c.uri, c.attempt)
		require.NoError(t, err, "%v", c)
		require.Regexp(t, c.want, got, "%s %s", c.uri, c.attempt)
	}
}

func intrude(t *testing.T, pool *driver.Pool, uri, attempt string) (got string, err error) {
	t.Helper()
	arguments := virt.Arguments{"name": "a", "snapshot": "s", "description": attempt}
	raw, err := pool.Call(t.Context(), virt.Call{Operation: "snapshot.create", URI: uri, Arguments: arguments}, func(virt.Progress) {})
	if err == nil {
		err = json.Unmarshal(raw, &got)
	}
	return got, err
}

func listening(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// Confined so, the library still loads and works.
func TestLibvirtProcess_Works(t *testing.T) {
	pool, err := driver.NewPool()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	raw, err := pool.Call(t.Context(), virt.Call{Operation: "domain.info", URI: "test:///default", Arguments: virt.Arguments{"name": "test"}}, func(virt.Progress) {})
	require.NoError(t, err)
	require.Contains(t, string(raw), `"state":"running"`)
}

// there says, in a process in some circumstance, what a pool may be without.
const there = "LAZARET_TEST_LIBVIRT"

// TestLibvirtProcess_There is what TestLibvirtProcess_Where runs elsewhere.
func TestLibvirtProcess_There(t *testing.T) {
	mayLack, ok := os.LookupEnv(there)
	if !ok {
		t.Skip("run by TestLibvirtProcess_Where")
	}
	pool, err := driver.NewPool(strings.Fields(mayLack)...)
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	got, err := intrude(t, pool, "qemu:///system", "read /etc/hostname")
	fmt.Printf("answer: %s %v\n", got, err)
}

// Where the machine cannot give all of the confinement nothing is served, and the
// reason is said, unless the operator permits just that. An ordinary user needs no
// privilege.
func TestLibvirtProcess_Where(t *testing.T) {
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("imitating other machines needs root")
	}
	for _, c := range []struct{ where, mayLack, want string }{
		{sandboxtest.User, "", "answer: open /etc/hostname: permission denied <nil>"},
		{sandboxtest.NoLandlock, "", "could not confine itself: the kernel has no Landlock: function not implemented; --allow-degraded landlock permits it"},
		{sandboxtest.NoLandlock, "user-namespaces", "the kernel has no Landlock"},
		{sandboxtest.NoLandlock, "landlock", "answer: done <nil>"},
		{sandboxtest.Docker, "", "in a network namespace of its own: operation not permitted; --allow-degraded user-namespaces permits it to be without"},
		{sandboxtest.Docker, "landlock", "in a network namespace of its own"},
		{sandboxtest.RootAlone, "", "could not confine itself: give up root's capabilities: operation not permitted; --allow-degraded user-namespaces permits it to keep them"},
		{sandboxtest.RootAlone, "user-namespaces", "answer: open /etc/hostname: permission denied <nil>"},
		{sandboxtest.Docker, "user-namespaces", "answer: open /etc/hostname: permission denied <nil>"},
	} {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestLibvirtProcess_There$")
		cmd.Env = append(os.Environ(), sandboxtest.Variable+"="+c.where, there+"="+c.mayLack)
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
		require.Contains(t, string(output), c.want, "%s, may lack %q", c.where, c.mayLack)
	}
}
