package sandbox_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/sandboxtest"
)

// jobVariable turns the test binary into a worker that does one job and says how it went.
const jobVariable = "LAZARET_TEST_JOB"

// job asks for scripts to be run together by one runner.
type job struct {
	Level   policies.Level    `json:"level"`
	MayLack []sandbox.Feature `json:"mayLack"`
	Scripts []string          `json:"scripts"`
	Memory  int64             `json:"memory"`  // bytes; 128 MiB when 0
	Abreast int               `json:"abreast"` // scripts at the same time; all when 0
	Wall    time.Duration     `json:"wall"`
	Forked  bool              `json:"forked"` // in copies of a zygote, if that is possible
}

// report is what came of a job.
type report struct {
	Unavailable string `json:"unavailable"` // why there is no runner
	Lacks       []lack `json:"lacks"`
	Runs        []ran  `json:"runs"`
	Leftovers   string `json:"leftovers"` // what Close could not remove
	Zygotes     string `json:"zygotes"`   // why there are none
	Pool        pool   `json:"pool"`
}

// pool is what the warm sandboxes were made of.
type pool struct {
	Hits    uint64 `json:"hits"`
	Started uint64 `json:"started"`
	Forked  uint64 `json:"forked"`
	Hatched uint64 `json:"hatched"`
}

type lack struct {
	Feature sandbox.Feature `json:"feature"`
	Error   string          `json:"error"`
	Cause   string          `json:"cause"`
	Remedy  string          `json:"remedy"`
}

type ran struct {
	Error    string            `json:"error"`
	Lacking  sandbox.Feature   `json:"lacking"` // of a LackError
	Outcome  sandbox.Outcome   `json:"outcome"`
	Stdout   string            `json:"stdout"`
	Stderr   string            `json:"stderr"`
	Degraded []sandbox.Feature `json:"degraded"`
	Peak     int64             `json:"peak"` // bytes
}

// doJob is what the test binary does elsewhere.
func doJob() {
	var j job
	var r report
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		panic(err)
	}
	var o sandbox.Options
	if j.Forked {
		o.Warm = sandbox.PoolLimits{PerKind: 1, Refill: sandbox.RefillZygote, Report: func(err error) { r.Zygotes = err.Error() }}
	}
	runner, err := sandbox.New(o)
	if err != nil {
		r.Unavailable = err.Error()
	} else {
		j.do(runner, &r)
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		panic(err)
	}
}

func (j job) do(runner *sandbox.Runner, r *report) {
	for _, l := range runner.Lacks() {
		r.Lacks = append(r.Lacks, lack{l.Feature, l.Error(), l.Cause, l.Remedy})
	}
	r.Runs = make([]ran, len(j.Scripts))
	room := make(chan struct{}, cmp.Or(j.Abreast, len(j.Scripts)))
	var all sync.WaitGroup
	for i, script := range j.Scripts {
		room <- struct{}{}
		all.Go(func() { r.Runs[i] = j.run(runner, script); <-room })
	}
	all.Wait()
	stats := runner.PoolStats()
	r.Pool = pool{Hits: stats.Hits, Started: stats.Started, Forked: stats.Forked, Hatched: stats.Hatched}
	if err := runner.Close(); err != nil {
		r.Leftovers = err.Error()
	}
}

func (j job) run(runner *sandbox.Runner, script string) ran {
	script = sandboxtest.Here(script)
	s, err := policies.SpecFor(j.Level)
	if err != nil {
		panic(err)
	}
	env := sandbox.HostEnvironment()
	s.Binds, s.Files, s.MayLack = env.Binds, env.Files, j.MayLack
	s.Argv = []string{"/usr/bin/python3", "-I", "-S", "-c", script}
	s.Limits.Wall, s.Limits.Memory = cmp.Or(j.Wall, 20*time.Second), cmp.Or(j.Memory, 128<<20)
	if j.Forked {
		forkable(&s, script)
		if err := runner.Keep(context.Background(), s); err != nil {
			return ran{Error: err.Error()}
		}
	}
	result, err := runner.Run(context.Background(), s)
	done := ran{
		Outcome: result.Outcome, Stdout: string(result.Stdout), Stderr: string(result.Stderr),
		Degraded: result.Degraded, Peak: result.Usage.MaxMemory,
	}
	if err != nil {
		done.Error = err.Error()
	}
	if lacking, ok := errors.AsType[*sandbox.LackError](err); ok {
		done.Lacking = lacking.Feature
	}
	return done
}

// where does a job in a circumstance.
func where(t *testing.T, circumstance string, j job) report {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("only root can imitate other circumstances")
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), sandboxtest.Variable+"="+circumstance, jobVariable+"=1")
	input, err := json.Marshal(j)
	require.NoError(t, err)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr, cmd.Dir = bytes.NewReader(input), &stderr, "/"
	out, err := cmd.Output()
	require.NoError(t, err, "%s", stderr.String())
	var r report
	require.NoError(t, json.Unmarshal(out, &r), "%s", out)
	assert.Empty(t, r.Leftovers)
	return r
}

var groupsLacking = []sandbox.Feature{sandbox.MemoryGroup, sandbox.PidsGroup, sandbox.CPUGroup}

func (r report) lacking() []sandbox.Feature {
	var all []sandbox.Feature
	for _, l := range r.Lacks {
		all = append(all, l.Feature)
	}
	return all
}

// TestWhere says for each circumstance what is lacking there, and that every level
// that needs it refuses, naming it, while minimal runs with what it lacks permitted.
func TestWhere(t *testing.T) {
	t.Parallel()
	newRunner(t) // for the skip
	for circumstance, want := range map[string]struct {
		lacks       []sandbox.Feature
		unavailable string
	}{
		sandboxtest.User:             {lacks: groupsLacking},
		sandboxtest.Nobody:           {lacks: groupsLacking},
		sandboxtest.UserNoLandlock:   {lacks: append(groupsLacking, sandbox.Landlock)},
		sandboxtest.DelegatedUser:    {lacks: groupsLacking},
		sandboxtest.DeniedNamespaces: {lacks: []sandbox.Feature{sandbox.UserNamespaces}},
		sandboxtest.NoNamespaces:     {lacks: []sandbox.Feature{sandbox.UserNamespaces}},
		sandboxtest.FewIDs:           {lacks: groupsLacking},
		sandboxtest.OneID:            {lacks: groupsLacking},
		sandboxtest.MaskedProc:       {lacks: []sandbox.Feature{sandbox.FreshProc}},
		sandboxtest.ReadOnlyGroups:   {lacks: groupsLacking},
		sandboxtest.NoGroups:         {lacks: groupsLacking},
		sandboxtest.Docker:           {unavailable: "sandbox unavailable: clone with new namespaces: operation not permitted (a seccomp profile around the worker forbids new namespaces (docker))"},
		sandboxtest.DockerAdmin:      {lacks: append(groupsLacking, sandbox.FreshProc)},
		sandboxtest.UnfilteredDocker: {lacks: groupsLacking},
		sandboxtest.TakenListener:    {unavailable: "sandbox unavailable: load the system-call filter: device or resource busy (what runs the worker's container listens for system calls itself, and the kernel has room for one listener)"},
		sandboxtest.RootAlone:        {unavailable: "sandbox unavailable: write uid_map: operation not permitted (the worker is root without CAP_SETUID or CAP_SETGID)"},
		sandboxtest.NoLandlock:       {lacks: []sandbox.Feature{sandbox.Landlock}},
	} {
		t.Run(circumstance, func(t *testing.T) {
			t.Parallel()
			r := where(t, circumstance, job{Level: policies.Minimal, MayLack: sandbox.Features(), Scripts: []string{"print('here')"}})
			if want.unavailable != "" {
				assert.Equal(t, want.unavailable, r.Unavailable)
				return
			}
			require.Empty(t, r.Unavailable)
			assert.ElementsMatch(t, want.lacks, r.lacking())
			for _, l := range r.Lacks {
				assert.NotEmpty(t, l.Cause, l.Feature)
				assert.NotEmpty(t, l.Remedy, l.Feature)
				t.Logf("%s: %s (%s) – %s", l.Feature, l.Error, l.Cause, l.Remedy)
			}
			require.Len(t, r.Runs, 1)
			assert.Equal(t, "here\n", r.Runs[0].Stdout, "%+v", r.Runs[0])
		})
	}
}

// TestWhere_Refuses: without permission no level runs where something is missing
// that it needs, and with every permission only those do that may.
func TestWhere_Refuses(t *testing.T) {
	t.Parallel()
	newRunner(t) // for the skip
	for circumstance, lacking := range map[string]map[policies.Level]sandbox.Feature{
		sandboxtest.User: {
			policies.Maximum: sandbox.MemoryGroup, policies.Strict: sandbox.MemoryGroup, policies.Standard: "", policies.Minimal: "",
		},
		sandboxtest.DeniedNamespaces: {
			policies.Maximum: sandbox.UserNamespaces, policies.Strict: sandbox.UserNamespaces, policies.Standard: sandbox.UserNamespaces, policies.Minimal: "",
		},
		sandboxtest.NoLandlock: {
			policies.Maximum: sandbox.Landlock, policies.Strict: "", policies.Standard: "", policies.Minimal: "",
		},
	} {
		for level, refused := range lacking {
			t.Run(circumstance+" "+level.String(), func(t *testing.T) {
				t.Parallel()
				j := job{Level: level, Scripts: []string{"print('here')"}}
				r := where(t, circumstance, j)
				assert.NotEmpty(t, r.Runs[0].Lacking, "%+v", r.Runs[0])
				assert.Equal(t, sandbox.SandboxError, r.Runs[0].Outcome)
				assert.Contains(t, r.Runs[0].Error, "sandbox unavailable: this machine lacks "+string(r.Runs[0].Lacking)+": ")

				all := policies.Degradations(sandbox.Features())
				j.MayLack = all.At(level)
				r = where(t, circumstance, j)
				assert.Equal(t, refused, r.Runs[0].Lacking)
				if refused == "" {
					assert.Equal(t, "here\n", r.Runs[0].Stdout, "%+v", r.Runs[0])
					assert.Equal(t, all.Judge(level, r.lacking()).Degraded, r.Runs[0].Degraded)
					assert.NotEmpty(t, r.Runs[0].Degraded)
				}
			})
		}
	}
}

// TestWhere_Isolates: whoever the worker is, a program has namespaces of its own,
// no capabilities, and no more identity than it must.
func TestWhere_Isolates(t *testing.T) {
	t.Parallel()
	newRunner(t) // for the skip
	for circumstance, uid := range map[string]string{
		sandboxtest.User: "12345", sandboxtest.UserNoLandlock: "12345", sandboxtest.DelegatedUser: "12345",
		sandboxtest.DeniedNamespaces: "", sandboxtest.NoNamespaces: "", sandboxtest.FewIDs: "", sandboxtest.DockerAdmin: "",
	} {
		t.Run(circumstance, func(t *testing.T) {
			t.Parallel()
			r := where(t, circumstance, job{Level: policies.Minimal, MayLack: sandbox.Features(), Scripts: []string{lookCarefully, lookCarefully}})
			isolated(t, circumstance, uid, r.Runs)
		})
	}
}

// isolated looks at what two runs of lookCarefully have seen at the same time; uid is
// the worker's if it is theirs too.
func isolated(t *testing.T, circumstance, uid string, runs []ran) {
	t.Helper()
	require.Len(t, runs, 2)
	var seen [2]struct {
		NS     map[string]uint64 `json:"ns"`
		Caps   []string          `json:"caps"`
		IDs    []string          `json:"ids"`
		Alive  []int             `json:"alive"`
		Host   []string          `json:"host"`
		Groups []int             `json:"groups"`
	}
	for i, run := range runs {
		require.Equal(t, sandbox.Completed, run.Outcome, "%+v", run)
		require.NoError(t, json.Unmarshal([]byte(run.Stdout), &seen[i]), "%s", run.Stdout)
		assert.Equal(t, []string{"0", "0", "0", "0", "0", "1", "2"}, seen[i].Caps, "capability sets, no_new_privs, seccomp")
		assert.Equal(t, []int{sandbox.ProgramPID}, seen[i].Alive, "processes that it could signal")
		assert.Empty(t, seen[i].Host, "what it could reach of the host and of pid 1")
	}
	for kind, inode := range seen[0].NS {
		bare := kind == "user" && uid == "" && circumstance != sandboxtest.FewIDs
		assert.Equal(t, bare, inode == seen[1].NS[kind], "%s namespace", kind)
	}
	for _, s := range seen {
		if circumstance == sandboxtest.DockerAdmin {
			continue // there is no /proc to look at
		}
		if uid != "" {
			assert.Equal(t, []string{"1000", uid, "1"}, s.IDs)
			continue
		}
		assert.NotEqual(t, seen[0].IDs, seen[1].IDs, "two live sandboxes share a host user id")
		assert.Empty(t, s.Groups)
		assert.NotContains(t, s.IDs, "0")
	}
}

// TestWhere_WithoutZygotes: where there can be none, asking for them changes nothing:
// programs are started, wait for their run, and are as isolated as without.
func TestWhere_WithoutZygotes(t *testing.T) {
	t.Parallel()
	newRunner(t) // for the skip
	for circumstance, want := range map[string]struct{ uid, why string }{
		sandboxtest.User:             {"12345", "zygote: it takes root and user namespaces"},
		sandboxtest.DelegatedUser:    {"12345", "zygote: it takes root and user namespaces"},
		sandboxtest.DeniedNamespaces: {"", "zygote: it takes root and user namespaces"},
		sandboxtest.FewIDs:           {"", "zygote: this machine lacks cgroup-memory"},
		sandboxtest.DockerAdmin:      {"", "zygote: this machine lacks cgroup-memory"},
	} {
		t.Run(circumstance, func(t *testing.T) {
			t.Parallel()
			r := where(t, circumstance, job{Level: policies.Minimal, MayLack: sandbox.Features(), Forked: true, Scripts: []string{lookCarefully, lookCarefully}})
			require.Empty(t, r.Unavailable)
			assert.Equal(t, want.why, r.Zygotes)
			assert.Zero(t, r.Pool.Forked)
			assert.Zero(t, r.Pool.Hatched)
			assert.Positive(t, r.Pool.Started)
			assert.Positive(t, r.Pool.Hits)
			isolated(t, circumstance, want.uid, r.Runs)
		})
	}
}

// lookCarefully does without /proc where there is none.
const lookCarefully = `
import os, json, ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def cap(which):
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc.syscall(125, header, data)
    return data[which] | data[which + 3]
caps = [str(cap(i)) for i in range(3)]
caps += [str(sum(libc.prctl(23, c, 0, 0, 0) > 0 for c in range(41))), "0"]
caps += [str(libc.prctl(39, 0, 0, 0, 0)), str(libc.prctl(21, 0, 0, 0, 0))]
proc = os.path.exists("/proc/self")
alive = []
for pid in range(2, 40000):
    try:
        os.kill(pid, 0)
        alive.append(pid)
    except OSError:
        pass
host = []
for path in ("/proc/1/mem", "/proc/1/environ", "/proc/1/root", "/etc/shadow", "/root", "/sys", "/proc/sys", "/dev/kmsg"):
    try:
        os.stat(path)
        host.append(path)
    except OSError:
        pass
try:
    open("/usr/bin/written", "w")
    host.append("write")
except OSError:
    pass
print(json.dumps({
    "ns": {n: os.stat("/proc/self/ns/" + n).st_ino for n in ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")} if proc else {},
    "caps": caps, "alive": alive, "host": host, "groups": os.getgroups(),
    "ids": open("/proc/self/uid_map").read().split() if proc and os.getuid() == 1000 else [str(os.getuid())],
}), flush=True)
import time; time.sleep(0.5)  # to be alive together with the other run`

// TestWhere_WithoutGroups: what stands in for the cgroup bounds what it can.
func TestWhere_WithoutGroups(t *testing.T) {
	newRunner(t) // for the skip
	r := where(t, sandboxtest.User, job{
		Level: policies.Standard, MayLack: groupsLacking, Memory: 64 << 20,
		Scripts: []string{
			"bytearray(200 << 20)",
			"import mmap; mmap.mmap(-1, 4096)",
			"import mmap; print(len(mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)))",
			forks,
			"print(open('/proc/self/oom_score_adj').read(), end='')",
			"import time; time.sleep(0.2); import os; os.fork() or time.sleep(600)", // ends with pid 2
		},
	})
	require.Empty(t, r.Unavailable)
	assert.Equal(t, sandbox.Failed, r.Runs[0].Outcome)
	assert.Contains(t, r.Runs[0].Stderr, "MemoryError")
	assert.Contains(t, r.Runs[1].Stderr, "Cannot allocate memory", "%+v", r.Runs[1])
	assert.Equal(t, "4096\n", r.Runs[2].Stdout, "%+v", r.Runs[2])
	assert.Equal(t, "63 EAGAIN\n", r.Runs[3].Stdout, "%+v", r.Runs[3])
	assert.Equal(t, "1000\n", r.Runs[4].Stdout, "%+v", r.Runs[4])
	assert.Equal(t, sandbox.Completed, r.Runs[5].Outcome, "%+v", r.Runs[5])
	for _, run := range r.Runs {
		assert.Greater(t, run.Peak, int64(4<<20), "%+v", run)
		assert.Equal(t, []sandbox.Feature{sandbox.MemoryGroup, sandbox.PidsGroup}, run.Degraded)
	}
}

// forks says how many processes it could make, and why no more.
const forks = `
import os, errno, time
made = 0
while True:
    try:
        if os.fork() == 0:
            time.sleep(60)
    except OSError as e:
        print(made, errno.errorcode[e.errno], flush=True)
        os._exit(0)
    made += 1`

// TestWhere_HostileScripts runs the corpus where layers are missing: nothing in it
// gets out for want of one.
func TestWhere_HostileScripts(t *testing.T) {
	newRunner(t) // for the skip
	files, err := sandboxtest.Corpus("../testdata/hostile/*.py")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var scripts []string
	for _, file := range files {
		scripts = append(scripts, readFile(t, file))
	}
	for _, circumstance := range []string{sandboxtest.User, sandboxtest.UserNoLandlock, sandboxtest.DeniedNamespaces, sandboxtest.DockerAdmin} {
		t.Run(circumstance, func(t *testing.T) {
			r := where(t, circumstance, job{
				Level: policies.Standard, MayLack: sandbox.Features(), Scripts: scripts, Memory: 64 << 20, Abreast: 4, Wall: 700 * time.Millisecond,
			})
			require.Len(t, r.Runs, len(files))
			for i, run := range r.Runs {
				assert.Empty(t, run.Error, files[i])
				assert.NotContains(t, run.Stdout, "ESCAPED", files[i])
				assert.NotEmpty(t, run.Degraded, files[i])
			}
		})
	}
}
