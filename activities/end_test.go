package activities

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// ends are scripts that others can tell by how they end.
var ends = map[string]string{
	"nothing":               ``,
	"exit 0":                `raise SystemExit`,
	"exit 3":                `import sys; print("x", end=""); sys.exit(3)`,
	"exit 256":              `raise SystemExit(256)`,
	"exit -1":               `raise SystemExit(-1)`,
	"exit true":             `raise SystemExit(True)`,
	"exit false":            `raise SystemExit(False)`,
	"exit empty":            `raise SystemExit("")`,
	"exit 0.0":              `raise SystemExit(0.0)`,
	"exit list":             `raise SystemExit([])`,
	"exit huge":             `raise SystemExit(1 << 40)`,
	"exit words":            `raise SystemExit("for a reason")`,
	"error":                 "def f():\n    1 / 0\nf()",
	"hook":                  "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__)\n1 / 0",
	"interrupt":             `raise KeyboardInterrupt`,
	"signal":                `import os, signal; print("lost", end=""); os.kill(os.getpid(), signal.SIGTERM)`,
	"at exit":               "import atexit\natexit.register(print, 'first')\natexit.register(print, 'second')\natexit.register(lambda: 1 / 0)",
	"thread":                "import threading, time\ndef late():\n    time.sleep(0.1)\n    print('late')\nthreading.Thread(target=late).start()\nprint('early')",
	"daemon":                "import threading, time\nthreading.Thread(target=time.sleep, args=[60], daemon=True).start()\nprint('early')",
	"pool":                  "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor().submit(print, 'submitted')",
	"finalizer":             "class A:\n    def __del__(self): print('gone', self.name)\na, _b = A(), A()\na.name, _b.name = 'a', 'b'",
	"cycle":                 "class A:\n    def __del__(self): print('gone')\na = A()\na.self = a",
	"weak finalizer":        "import weakref\nclass A: pass\na = A()\nweakref.finalize(a, print, 'finalized')",
	"globals of finalizers": "import os\ndef say(x): os.write(1, x)\nclass A:\n    def __del__(self): say(b'gone')\na = A()",
	"own stream":            "out = open(1, 'w', closefd=False)\nout.write('not flushed')",
	"hidden stream":         "import os\nos.hidden = open(1, 'w', closefd=False)\nos.hidden.write('not flushed')",
	"binary":                "import sys\nsys.stdout.buffer.write(b'not flushed')",
	"closed":                "import sys\nsys.stdout.close()",
	"no stream":             "import sys\nsys.stdout = None",
	"caught":                "import io, sys\nsys.stdout = io.StringIO()\nprint('never seen')",
	"C buffers":             "import ctypes\nctypes.CDLL(None).printf(b'of C')",
	"odd globals":           "globals()[1] = 2\nglobals()[''] = 3\nprint('odd')",
	"own module":            "import sys, types\nm = types.ModuleType('mine')\nsys.modules['mine'] = m\nprint('mine')",
	"collector off":         "import gc\ngc.disable()\nclass A:\n    def __del__(self): print('gone')\na = A()\na.self = a\ndel a",
	"late output":           "import atexit, sys\natexit.register(lambda: sys.stdout.write('late'))",
	"exit at exit":          "import atexit, sys\natexit.register(lambda: sys.exit(5))",
}

// TestPythonRunner_End: the runner's own end of a script is the interpreter's, in
// output and exit code, with and without an interpreter that waited.
func TestPythonRunner_End(t *testing.T) {
	cold, warm := newRunner(t), newWarmRunner(t)
	for name, code := range ends {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, status := bareEnd(t, code)
			spec, err := HostInterpreters().Spec(contract.Process{Language: "python", Code: code}, policies.Minimal)
			require.NoError(t, err)
			first, err := cold.Run(t.Context(), spec)
			require.NoError(t, err)
			for _, r := range []sandbox.Result{first, runWarm(t, warm, spec)} {
				require.Equal(t, stdout, string(r.Stdout))
				require.Equal(t, stderr, address.ReplaceAllString(string(r.Stderr), "0x"))
				require.Equal(t, status < 0, r.Outcome == sandbox.Signalled)
				require.Equal(t, max(status, 0), r.Code)
			}
		})
	}
}

var address = regexp.MustCompile(`0x[0-9a-f]+`)

// bareEnd runs a script as its file alone would be.
func bareEnd(t *testing.T, code string) (stdout, stderr string, status int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script.py")
	require.NoError(t, os.WriteFile(file, []byte(code), 0o600))
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "-I", "-S", file)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); !ended {
		require.NoError(t, err)
	}
	return out.String(), strings.ReplaceAll(address.ReplaceAllString(errs.String(), "0x"), file, "/lazaret/script.py"), cmd.ProcessState.ExitCode()
}
