package worker

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/worker/devserver"
)

// family is a process with all that it has started, by their command lines.
func family(t *testing.T, pid int) map[int]string {
	t.Helper()
	all, err := procfs.AllProcs()
	require.NoError(t, err)
	children := map[int][]procfs.Proc{}
	for _, p := range all {
		if stat, err := p.Stat(); err == nil { // else it has just ended
			children[stat.PPID] = append(children[stat.PPID], p)
		}
	}
	members := map[int]string{pid: "lazaret"}
	for left := []int{pid}; len(left) > 0; left = left[1:] {
		for _, child := range children[left[0]] {
			words, _ := child.CmdLine()
			members[child.PID] = strings.Join(words, " ")
			left = append(left, child.PID)
		}
	}
	return members
}

// listening lists where processes may be reached: TCP sockets that listen and UDP
// sockets that nobody is the other end of, each by the descriptors of a process and
// the tables of that process's own network namespace.
func listening(t *testing.T, members map[int]string) []string {
	t.Helper()
	var found []string
	for pid, name := range members {
		process, err := procfs.NewProc(pid)
		if err != nil {
			continue // it has just ended
		}
		targets, _ := process.FileDescriptorTargets()
		open := map[string]bool{}
		for _, target := range targets {
			open[target] = true
		}
		for inode, at := range reachable(t, pid) {
			if open[fmt.Sprintf("socket:[%d]", inode)] {
				found = append(found, at+" "+name)
			}
		}
	}
	return found
}

// reachable lists the same sockets of the network namespace that a process is in, by inode.
func reachable(t *testing.T, pid int) map[uint64]string {
	t.Helper()
	const listen = 10
	fs, err := procfs.NewFS(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return nil
	}
	found := map[uint64]string{}
	for _, read := range []func() (procfs.NetTCP, error){fs.NetTCP, fs.NetTCP6} { //nolint:staticcheck // netlink shows the caller's own network alone
		lines, _ := read()
		for _, l := range lines {
			if l.St == listen {
				found[l.Inode] = net.JoinHostPort(l.LocalAddr.String(), fmt.Sprint(l.LocalPort))
			}
		}
	}
	for _, read := range []func() (procfs.NetUDP, error){fs.NetUDP, fs.NetUDP6} {
		lines, _ := read()
		for _, l := range lines {
			if l.RemPort == 0 {
				found[l.Inode] = net.JoinHostPort(l.LocalAddr.String(), fmt.Sprint(l.LocalPort))
			}
		}
	}
	return found
}

// Lazaret up, as it comes, is reached from its own machine alone: it runs in a
// network namespace in which nothing else is, so that everything that listens there
// is its (C03). Its sockets are found by its descriptors, too, which shows that they
// are looked for rightly.
func TestListeners_Up(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	dir := filepath.Join(t.TempDir(), "state")
	up := prepareLazaret(t, nil, "up", "--state-dir", dir)
	alone(t, up)
	up.begin(t)
	up.awaitLine(t, "Web UI     http://"+devserver.DefaultUIAddress)
	var all []string
	for _, at := range reachable(t, up.Process.Pid) {
		host, _, err := net.SplitHostPort(at)
		require.NoError(t, err)
		require.True(t, net.ParseIP(host).IsLoopback(), "%s can be reached from elsewhere", at)
		all = append(all, at)
	}
	require.Subset(t, all, []string{devserver.DefaultAddress, devserver.DefaultUIAddress, "127.0.0.1:9464"})
	var own []string
	for _, at := range listening(t, family(t, up.Process.Pid)) {
		own = append(own, strings.Fields(at)[0])
	}
	slices.Sort(own) // a child has the sockets, too, until it executes its program
	require.ElementsMatch(t, all, slices.Compact(own))
	up.signal(t, syscall.SIGTERM)
	require.NoError(t, up.Wait())
}

// A worker needs no port: with no metrics it listens nowhere, nor does anything that
// it has started, while it carries out an operation of libvirt's and runs a script
// (C15).
func TestListeners_Worker(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	if ok, err := scriptCondition("libvirt"); (!ok || err != nil) && os.Getenv("CI") == "" {
		t.Skip("no libvirt")
	}
	temporal := startWorkerless(t)
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("libvirt: {uris: ['test:///default'], allowed_operations: [domain.wait]}\n"), 0o600))
	worker := temporal.startWorker(t, "--level", "standard", "--libvirt-policy", policy)
	const id = "portless"
	run, err := temporal.begin(t.Context(), document(t, `
document: {dsl: 1.0.3, namespace: test, name: portless, version: 1.0.0}
do:
  - both:
      fork:
        branches:
          - waits:
              try:
                - wait: {call: libvirt.domain.wait, with: {name: test, state: shutoff, deadline: 3}}
              catch: {errors: {with: {status: 408}}, do: [{note: {set: {waited: true}}}]}
          - holds:
              run:
                script: {language: python, environment: {LC_HOLDING: portless}, code: "import time; time.sleep(3)"}
`, `{}`), id)
	require.NoError(t, err)
	ended := make(chan error, 1)
	var output json.RawMessage
	go func() { ended <- run.Get(t.Context(), &output) }()
	machines, scripts := 0, 0
	for looking := true; looking; {
		select {
		case err := <-ended:
			require.NoError(t, err)
			looking = false
		default:
		}
		members := family(t, worker.Process.Pid)
		require.Empty(t, listening(t, members))
		for _, name := range members {
			if strings.HasPrefix(name, driver.Name+" ") {
				machines++
			}
		}
		scripts += len(marked("LC_HOLDING=portless"))
	}
	require.Contains(t, string(output), `"waited":true`)
	require.Positive(t, machines, "the process of libvirt's client was looked at")
	require.Positive(t, scripts, "the script was looked at")
}

// alone has a command run in a network namespace of its own, with a loopback device.
func alone(t *testing.T, c *lazaretCommand) {
	t.Helper()
	c.Args = append([]string{"/bin/sh", "-c", `ip link set lo up && exec "$0" "$@"`, c.Path}, c.Args[1:]...)
	c.Path = "/bin/sh"
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
}

// requireRoot skips who cannot look into other processes; not in CI, where it fails.
func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("needs root")
	}
	t.Skip("needs root")
}
