package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/activities/virt/virttest"
)

// remotely names what has the calls, as JSON, of a process that is a client.
const remotely = "LAZARET_TEST_LIBVIRT_CALLS"

// callRemotely makes the calls and prints the answers. It returns the exit code.
func callRemotely(text string) int {
	var calls []virt.Call
	err := json.Unmarshal([]byte(text), &calls)
	if err != nil {
		return failed(err)
	}
	pool, err := driver.NewPool()
	if err != nil {
		return failed(err)
	}
	for _, call := range calls {
		raw, err := pool.Call(context.Background(), call, func(virt.Progress) {})
		if err != nil {
			e := virt.AsError(err)
			fmt.Printf("answer: %s: %s\n", e.Code, e.Message)
			continue
		}
		fmt.Printf("answer: %s\n", raw)
	}
	if err := pool.Close(); err != nil {
		return failed(err)
	}
	return 0
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// as makes the calls as a client of a remote host, and returns the answers.
func as(t *testing.T, r *virttest.Remote, c virttest.Client, calls ...virt.Call) []string {
	t.Helper()
	text, err := json.Marshal(calls)
	require.NoError(t, err)
	cmd := r.Command(c)
	cmd.Env = append(cmd.Env, remotely+"="+string(text))
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	var answers []string
	for line := range strings.Lines(string(output)) {
		if answer, ok := strings.CutPrefix(strings.TrimSpace(line), "answer: "); ok {
			answers = append(answers, answer)
		}
	}
	require.Len(t, answers, len(calls), "%s", output)
	return answers
}

var known = virttest.Client{Trusts: "client", Is: "client"}

// TestLibvirtProcess_Remote: hosts elsewhere, reached from the confined process.
func TestLibvirtProcess_Remote(t *testing.T) {
	r := virttest.StartRemote(t)
	for name, test := range map[string]func(*testing.T, *virttest.Remote){
		"tls": testRemoteTLS, "ssh": testRemoteSSH, "user": testRemoteUser, "descriptors": testDescriptors,
	} {
		t.Run(name, func(t *testing.T) { test(t, r) })
	}
}

// testRemoteTLS: a host is reached by who has a certificate of its authority, if the
// host has one of the authority that is trusted, for its name; to read and to change,
// and never to change where the policy says so (C08, C10).
func testRemoteTLS(t *testing.T, r *virttest.Remote) {
	t.Helper()
	const qemu, test = "qemu+tls://127.0.0.1/system", "test+tls://127.0.0.1/default"
	info := virt.Call{Operation: "host.info", URI: qemu, ReadOnly: true}
	guest := virt.Arguments{"name": "test"}
	answers := as(t, r, known, info,
		virt.Call{Operation: "domain.stop", URI: test, Arguments: virt.Arguments{"name": "test", "mode": "force", "deadline": int64(5)}},
		virt.Call{Operation: "domain.state", URI: test, Arguments: guest},
		virt.Call{Operation: "domain.screenshot", URI: test, ReadOnly: true, Arguments: guest},
		virt.Call{Operation: "host.info", URI: "qemu+tls://127.0.0.2/system", ReadOnly: true},
		virt.Call{Operation: "host.info", URI: "qemu+tls://127.0.0.1:16515/system", ReadOnly: true},
		virt.Call{Operation: "host.info", URI: "qemu+tls://nowhere.invalid/system", ReadOnly: true},
	)
	for i, want := range []string{
		`"hypervisor":"QEMU"`, `"state":"shutoff","changed":true`, `"state":"shutoff"`, "denied: operation forbidden: read only access",
		"unreachable: qemu+tls://127.0.0.2/system cannot be reached: authentication failed: Failed to verify peer's certificate",
		"unreachable: qemu+tls://127.0.0.1:16515/system cannot be reached: unable to connect to server at '127.0.0.1:16515': Connection refused",
		"unreachable: qemu+tls://nowhere.invalid/system cannot be reached: Unable to resolve address 'nowhere.invalid'",
	} {
		require.Contains(t, answers[i], want)
	}
	for _, c := range []struct{ trusts, is, want string }{
		{"stranger", "client", "Our own certificate /etc/pki/libvirt/clientcert.pem failed validation against /etc/pki/CA/cacert.pem"},
		{"stranger", "", "authentication failed: Failed to verify peer's certificate"},
		{"client", "", "which may want a client certificate"},
		{"", "client", "Cannot read CA certificate '/etc/pki/CA/cacert.pem': No such file or directory"},
	} {
		answer := as(t, r, virttest.Client{Trusts: c.trusts, Is: c.is}, info)[0]
		require.Contains(t, answer, "unreachable: "+qemu+" cannot be reached: ", c)
		require.Contains(t, answer, c.want, c)
	}
}

// testRemoteSSH: a host is reached by ssh, which the process starts, with the key of a
// user that the host knows, if the host's key is a known one.
func testRemoteSSH(t *testing.T, r *virttest.Remote) {
	t.Helper()
	const qemu, test = "qemu+ssh://root@127.0.0.1:2222/system", "test+ssh://root@127.0.0.1:2222/default"
	info := virt.Call{Operation: "host.info", URI: qemu, ReadOnly: true}
	answers := as(t, r, known, info,
		virt.Call{Operation: "domain.stop", URI: test, Arguments: virt.Arguments{"name": "test", "mode": "force", "deadline": int64(5)}},
		virt.Call{Operation: "domain.screenshot", URI: test, ReadOnly: true, Arguments: virt.Arguments{"name": "test"}},
	)
	for i, want := range []string{`"hypervisor":"QEMU"`, `"state":"shutoff","changed":true`, "denied: operation forbidden: read only access"} {
		require.Contains(t, answers[i], want)
	}
	require.Regexp(t, "^denied: .* refuses this worker: .*Permission denied .*a key without a passphrase", as(t, r, virttest.Client{Trusts: "client"}, info)[0])
	require.Regexp(t, "^unreachable: .* is not known: .*Host key verification failed.*known_hosts", as(t, r, virttest.Client{Is: "client"}, info)[0])
	require.Regexp(t, "^unreachable: .* has another host key than ", as(t, r, virttest.Client{Trusts: "stranger", Is: "client"}, info)[0])
}

// testRemoteUser: so does a worker that is an ordinary user, with the keys in its home
// (C02), and is told where they are looked for.
func testRemoteUser(t *testing.T, r *virttest.Remote) {
	t.Helper()
	tls := virt.Call{Operation: "host.info", URI: "qemu+tls://127.0.0.1/system", ReadOnly: true}
	ssh := virt.Call{Operation: "host.info", URI: "qemu+ssh://root@127.0.0.1:2222/system", ReadOnly: true}
	for _, answer := range as(t, r, virttest.Client{Trusts: "client", Is: "client", User: true}, tls, ssh) {
		require.Contains(t, answer, `"hypervisor":"QEMU"`)
	}
	answers := as(t, r, virttest.Client{Trusts: "client", User: true}, tls, ssh)
	require.Contains(t, answers[0], "which may want a client certificate")
	require.Contains(t, answers[1], "a key without a passphrase")
}

// testDescriptors: while it is connected, the process of a libvirt client has its
// standard streams, the worker's end of a pair and the daemon's socket: nothing that
// listens, nothing of the Internet, no file but the processors that Go may use (C15).
func testDescriptors(t *testing.T, r *virttest.Remote) {
	t.Helper()
	pool, err := driver.NewPool()
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	_, err = pool.Call(t.Context(), virt.Call{Operation: "host.info", URI: "qemu+unix:///system?socket=" + r.Socket, ReadOnly: true}, func(virt.Progress) {})
	require.NoError(t, err)
	process := 0
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range processes {
		command, _ := os.ReadFile(file) // it may have ended
		if strings.HasPrefix(string(command), driver.Name+"\x00") && strings.Contains(string(command), r.Socket) {
			_, err := fmt.Sscanf(file, "/proc/%d/", &process)
			require.NoError(t, err)
		}
	}
	require.NotZero(t, process)
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", process))
	require.NoError(t, err)
	kinds := map[string]int{}
	for _, file := range files {
		kinds[descriptor(t, process, file.Name())]++
	}
	require.Equal(t, 1, kinds["socket to "+r.Socket], "%v", kinds)
	require.Equal(t, 1, kinds["socket to @"], "the worker's end of a pair: %v", kinds)
	for kind := range kinds {
		require.Regexp(t, `^(/dev/null|pipe:.*|/sys/fs/cgroup/.*/cpu[^/]*|anon_inode:\[event(poll|fd)\]|socket to .*)$`, kind, "%v", kinds)
	}
}

// descriptor says what a descriptor of a process is; of a socket, what it is connected
// to. It fails on those that listen or are not of the file system.
func descriptor(t *testing.T, process int, name string) string {
	t.Helper()
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", process, name))
	require.NoError(t, err)
	if !strings.HasPrefix(target, "socket:") {
		return target
	}
	number, err := strconv.Atoi(name)
	require.NoError(t, err)
	handle, err := unix.PidfdOpen(process, 0)
	require.NoError(t, err)
	defer func() { _ = unix.Close(handle) }()
	socket, err := unix.PidfdGetfd(handle, number, 0)
	require.NoError(t, err)
	defer func() { _ = unix.Close(socket) }()
	for option, want := range map[int]int{unix.SO_DOMAIN: unix.AF_UNIX, unix.SO_ACCEPTCONN: 0} {
		got, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, option)
		require.NoError(t, err)
		require.Equal(t, want, got, "descriptor %s", name)
	}
	peer, err := unix.Getpeername(socket)
	require.NoError(t, err)
	return "socket to " + peer.(*unix.SockaddrUnix).Name
}
