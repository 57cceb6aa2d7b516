package worker

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/virttest"
)

const guestsPolicy = `
libvirt:
  uris: ['%[1]s']
  events: ['%[1]s']
  allowed_operations:
    [host.info, domain.list, domain.info, domain.stats, domain.start, domain.stop, domain.suspend, domain.wait, domain.console-log,
     snapshot.create, snapshot.list, volume.list]
  dangerous:
    acknowledge: true
    allowed_operations: [domain.define, domain.delete, volume.clone, volume.delete, snapshot.revert, snapshot.delete]
`

const guestsRules = `
rules:
  - {name: guests, source: '@libvirt', target: ops/*, types: [dev.lazaret.libvirt.domain.*]}
  - {name: alerts, source: '@cli', target: ops/guest-quarantine, types: [com.example.intrusion.*]}
`

// guests is a worker, as a user has it, at a private libvirtd whose guests are QEMU's.
type guests struct {
	*fleet
	dir string // of state
}

// TestLibvirt_ExamplesOnGuests runs the documentation's examples on real guests, which
// hear their power button, say on their console that they are up, and have memory and
// disks that a snapshot keeps.
func TestLibvirt_ExamplesOnGuests(t *testing.T) {
	t.Parallel()
	g := newGuests(t)
	for name, template := range map[string]string{"web-1": "template.qcow2", "web-2": "once.qcow2", "web-3": "template.qcow2"} {
		require.Equal(t, "running", g.provision(t, name, template)["state"])
	}
	g.failsToProvision(t)

	report := g.example(t, "fleet-report.yaml", "null")
	require.ElementsMatch(t, []any{"web-1", "web-2", "web-3"}, report["running"])
	require.Contains(t, report["running"], report["busiest"])

	g.reboots(t)
	g.keepsNightly(t)
	g.quarantines(t)
	g.lazaret(t, "audit", "verify")
}

func newGuests(t *testing.T) *guests {
	t.Helper()
	g := &guests{fleet: newFleet(t), dir: filepath.Join(t.TempDir(), "state")}
	g.DefinePool(t)
	g.AddImage(t, "template.qcow2", virttest.BootSector())
	g.AddImage(t, "once.qcow2", virttest.BootOnceSector())
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(g.policy, fmt.Appendf(nil, guestsPolicy, g.URI("qemu")), 0o600))
	require.NoError(t, os.WriteFile(rules, []byte(guestsRules), 0o600))
	startUp(t, g.dir, nil, "--libvirt-policy", g.policy, "--event-rules", rules)
	return g
}

// try runs a command of lazaret's.
func (g *guests) try(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "lazaret", append(args, "--state-dir", g.dir)...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%v: %w\n%s", args, err, said.String())
	}
	return string(out), err
}

func (g *guests) lazaret(t *testing.T, args ...string) string {
	t.Helper()
	out, err := g.try(t, args...)
	require.NoError(t, err)
	return out
}

func exampleFile(name string) string { return filepath.Join("../testdata/definitions/docs", name) }

// example runs one to its end.
func (g *guests) example(t *testing.T, name, input string) map[string]any {
	t.Helper()
	return object(t, g.lazaret(t, "run", exampleFile(name), "--input", input))
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var value map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &value), "%s", text)
	return value
}

func (g *guests) provision(t *testing.T, name, template string) map[string]any {
	t.Helper()
	return g.example(t, "provision.yaml", fmt.Sprintf(`{"pool": "files", "template": %q, "guest": %q, "type": "qemu", "memory": 32}`, template, name))
}

// ask is one operation at the daemon's QEMU, past the broker.
func ask[T any](t *testing.T, g *guests, operation string, arguments virt.Arguments) T {
	t.Helper()
	raw, err := g.pool.Call(t.Context(), virt.Call{Operation: operation, URI: g.URI("qemu"), Arguments: arguments}, func(virt.Progress) {})
	require.NoError(t, err, operation)
	var result T
	require.NoError(t, json.Unmarshal(raw, &result))
	return result
}

func (g *guests) info(t *testing.T, name string) virt.Domain {
	t.Helper()
	return ask[virt.Domain](t, g, "domain.info", virt.Arguments{"name": name})
}

func (g *guests) snapshots(t *testing.T, name string) []string {
	t.Helper()
	var names []string
	for _, s := range ask[virt.SnapshotList](t, g, "snapshot.list", virt.Arguments{"name": name}).Snapshots {
		names = append(names, s.Name)
	}
	return names
}

// up requires that a guest says so.
func (g *guests) up(t *testing.T, name string) {
	t.Helper()
	console := ask[virt.Console](t, g, "domain.console-log", virt.Arguments{"name": name, "until": "guest is up", "deadline": int64(60), "bytes": int64(65536)})
	require.True(t, console.Matched, "%s: %q", name, console.Text)
}

// failsToProvision: a guest that cannot start leaves neither itself nor its disk, and
// one whose name is taken leaves the other as it is.
func (g *guests) failsToProvision(t *testing.T) {
	t.Helper()
	for name, memory := range map[string]int{"huge": 16 << 20, "web-1": 32} {
		input := fmt.Sprintf(`{"pool": "files", "template": "template.qcow2", "guest": %q, "type": "qemu", "memory": %d}`, name, memory)
		_, err := g.try(t, "run", exampleFile("provision.yaml"), "--input", input)
		require.Error(t, err, name)
	}
	var guests, volumes []string
	for _, d := range ask[virt.DomainList](t, g, "domain.list", virt.Arguments{"state": "all"}).Domains {
		guests = append(guests, d.Name+" "+d.State)
	}
	for _, v := range ask[virt.VolumeList](t, g, "volume.list", virt.Arguments{"pool": "files"}).Volumes {
		volumes = append(volumes, v.Name)
	}
	require.ElementsMatch(t, []string{"web-1 running", "web-2 running", "web-3 running"}, guests)
	require.ElementsMatch(t, []string{"once.qcow2", "template.qcow2", "web-1.qcow2", "web-2.qcow2", "web-3.qcow2"}, volumes)
}

// reboots: two guests go down by their power button and come up; one that goes down and
// comes up dumb is taken back, memory and disk, to what it was, and the next is left alone.
func (g *guests) reboots(t *testing.T) {
	t.Helper()
	ids := map[string]int{}
	for _, name := range []string{"web-1", "web-2", "web-3"} {
		g.up(t, name)
		ids[name] = g.info(t, name).ID
	}
	done := g.example(t, "rolling-reboot.yaml", `{"guests": ["web-1", "web-3"], "ready": "guest is up"}`)
	require.Equal(t, map[string]any{"done": []any{"web-1", "web-3"}}, done)
	for _, name := range []string{"web-1", "web-3"} {
		require.NotEqual(t, ids[name], g.info(t, name).ID, "%s runs in a new process", name)
		require.Empty(t, g.snapshots(t, name))
	}

	ids["web-1"] = g.info(t, "web-1").ID
	_, err := g.try(t, "run", exampleFile("rolling-reboot.yaml"), "--input", `{"guests": ["web-2", "web-1"], "ready": "guest is up", "deadline": 10}`)
	require.ErrorContains(t, err, `web-2 is back at its snapshot, the rest was not touched: its console did not say \"guest is up\"`)
	back := g.info(t, "web-2")
	require.Equal(t, "running", back.State)
	g.up(t, "web-2")
	require.Equal(t, ids["web-1"], g.info(t, "web-1").ID)
	left := g.snapshots(t, "web-2")
	require.Len(t, left, 1)
	require.Contains(t, left[0], "before-reboot-")
	require.Empty(t, g.snapshots(t, "web-1"))
}

// keepsNightly has the schedule itself start the example, whose nights are seconds.
func (g *guests) keepsNightly(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(exampleFile("nightly-snapshot.yaml"))
	require.NoError(t, err)
	nights := strings.NewReplacer(
		"cron: '30 2 * * *'", "every: PT2S",
		"version: 0.2.0", "version: 0.2.0\n  metadata: {schedule: {overlapPolicy: Skip, input: {keep: 2}}}",
	).Replace(string(text))
	file := filepath.Join(t.TempDir(), "nightly.yaml")
	require.NoError(t, os.WriteFile(file, []byte(nights), 0o600))
	g.lazaret(t, "schedule", "apply", file)
	g.awaitEnded(t, "ops/nightly-snapshot", 3)
	g.lazaret(t, "schedule", "delete", "ops/nightly-snapshot")
	pollUntil(t, "no night goes on", func() bool {
		return !strings.Contains(g.lazaret(t, "list", "--definition", "ops/nightly-snapshot", "--status", "running"), "nightly")
	})
	require.NotContains(t, g.lazaret(t, "list", "--definition", "ops/nightly-snapshot"), "faulted")
	for name, others := range map[string]int{"web-1": 0, "web-2": 1, "web-3": 0} {
		kept := strings.Join(g.snapshots(t, name), " ")
		require.Equal(t, 2, strings.Count(kept, "nightly-2"), kept)
		require.Equal(t, others, strings.Count(kept, "before-reboot"), kept)
	}
}

// awaitEnded waits until so many executions of a definition are completed.
func (g *guests) awaitEnded(t *testing.T, definition string, count int) {
	t.Helper()
	var listed string
	ended := func() bool {
		listed = g.lazaret(t, "list", "--definition", definition, "--status", "completed", "--output", "json")
		return strings.Count(listed, `"completed"`) >= count
	}
	for deadline := time.Now().Add(patience); !ended(); time.Sleep(200 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "%s: %s", definition, listed)
	}
}

// quarantines answers what libvirt tells of a guest, and what somebody else does.
func (g *guests) quarantines(t *testing.T) {
	t.Helper()
	g.lazaret(t, "schedule", "apply", exampleFile("guest-quarantine.yaml"))
	started := g.info(t, "web-3")
	g.provision(t, "retired-1", "template.qcow2")
	g.awaitEnded(t, "ops/guest-quarantine", 1)
	require.Equal(t, "paused", g.info(t, "retired-1").State)
	require.Equal(t, []string{"evidence"}, g.snapshots(t, "retired-1"))
	require.Equal(t, started, withTime(g.info(t, "web-3"), started), "nothing is done to others")

	g.lazaret(t, "emit", "--type", "com.example.intrusion.suspected", "--data", `{"guest": "web-3", "why": "beacon"}`)
	g.awaitEnded(t, "ops/guest-quarantine", 2)
	require.Equal(t, "paused", g.info(t, "web-3").State)
	require.Contains(t, g.snapshots(t, "web-3"), "evidence")
	var outputs []string
	listed := g.lazaret(t, "list", "--definition", "ops/guest-quarantine")
	for word := range strings.FieldsSeq(listed) {
		if strings.HasPrefix(word, "ops.guest-quarantine-") {
			outputs = append(outputs, g.lazaret(t, "result", word))
		}
	}
	require.Len(t, outputs, 2, listed)
	require.Contains(t, strings.Join(outputs, ""), "it is retired, and was started")
	require.Contains(t, strings.Join(outputs, ""), "beacon")
	require.Equal(t, 2, strings.Count(strings.Join(outputs, ""), `"state": "paused"`))
}

// withTime leaves out what a guest that runs uses anyhow.
func withTime(d, other virt.Domain) virt.Domain {
	d.CPUTime = other.CPUTime
	return d
}
