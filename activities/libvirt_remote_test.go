package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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
func as(t *testing.T, r *virttest.Remote, trusts, is string, calls ...virt.Call) []string {
	t.Helper()
	text, err := json.Marshal(calls)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := r.Command(trusts, is, self)
	cmd.Env = append(os.Environ(), remotely+"="+string(text), "HOME=/root")
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

// A host is reached over TLS from the confined process: by who has a certificate of
// its authority, if the host has one of the authority that is trusted, for its name;
// to read and to change, and never to change where the policy says so (C08, C10).
func TestLibvirtProcess_RemoteTLS(t *testing.T) {
	r := virttest.StartRemote(t)
	const qemu, test = "qemu+tls://127.0.0.1/system", "test+tls://127.0.0.1/default"
	info := virt.Call{Operation: "host.info", URI: qemu, ReadOnly: true}
	guest := virt.Arguments{"name": "test"}
	answers := as(t, r, "client", "client", info,
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
		answer := as(t, r, c.trusts, c.is, info)[0]
		require.Contains(t, answer, "unreachable: "+qemu+" cannot be reached: ", c)
		require.Contains(t, answer, c.want, c)
	}
}

// A host is reached by ssh from the confined process, which starts it: with the key
// of a user that the host knows, if the host's key is a known one.
func TestLibvirtProcess_RemoteSSH(t *testing.T) {
	r := virttest.StartRemote(t)
	const qemu, test = "qemu+ssh://root@127.0.0.1:2222/system", "test+ssh://root@127.0.0.1:2222/default"
	info := virt.Call{Operation: "host.info", URI: qemu, ReadOnly: true}
	answers := as(t, r, "client", "client", info,
		virt.Call{Operation: "domain.stop", URI: test, Arguments: virt.Arguments{"name": "test", "mode": "force", "deadline": int64(5)}},
		virt.Call{Operation: "domain.screenshot", URI: test, ReadOnly: true, Arguments: virt.Arguments{"name": "test"}},
	)
	for i, want := range []string{`"hypervisor":"QEMU"`, `"state":"shutoff","changed":true`, "denied: operation forbidden: read only access"} {
		require.Contains(t, answers[i], want)
	}
	require.Regexp(t, "^denied: .* refuses this worker: .*Permission denied .*a key without a passphrase", as(t, r, "client", "", info)[0])
	require.Regexp(t, "^unreachable: .* is not known: .*Host key verification failed.*known_hosts", as(t, r, "", "client", info)[0])
	require.Regexp(t, "^unreachable: .* has another host key than ", as(t, r, "stranger", "client", info)[0])
}
