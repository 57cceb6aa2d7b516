package policies_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// honest scripts do ordinary work and must see no refusal at all.
var honest = []struct {
	name   string
	levels []policies.Level
	source string
}{
	{"standard library", both, `
import json, re, csv, io, datetime, decimal, hashlib, base64, random, statistics, collections, itertools, functools, string, uuid, zlib, struct, math, textwrap, urllib.parse, html, time, calendar, fractions, heapq, bisect, enum, dataclasses, typing, pathlib, os, sys
print(json.dumps({"n": [1, 2.5, None], "h": hashlib.sha256(b"x").hexdigest()}))
print(re.sub(r"(\w)", r"\1", "a b"), list(csv.reader(io.StringIO("a,b\n1,2\n"))), datetime.datetime.now().year > 2000)
print(decimal.Decimal("0.1") + decimal.Decimal("0.2"), uuid.uuid4(), random.random(), os.urandom(4), sys.stdin.read())
`},
	{"database in memory", both, `
import sqlite3
c = sqlite3.connect(":memory:")
c.execute("create table t (a int)")
c.executemany("insert into t values (?)", [(i,) for i in range(1000)])
print(c.execute("select sum(a) from t").fetchone())
`},
	{"event loop", both, `
import asyncio
async def main():
    await asyncio.gather(*[asyncio.sleep(0.01) for _ in range(50)])
asyncio.run(main())
`},
	{"large memory and garbage", both, `
import gc
x = [bytes(1 << 20) for _ in range(100)]
del x
gc.collect()
`},
	{"threads", standardOnly, `
import threading, concurrent.futures, queue
with concurrent.futures.ThreadPoolExecutor(8) as p:
    print(sum(p.map(lambda i: i * i, range(1000))))
`},
	{"process pool", standardOnly, `
import concurrent.futures
with concurrent.futures.ProcessPoolExecutor(2) as p:
    print(list(p.map(abs, range(-3, 3))))
`},
	{"programs", standardOnly, `
import subprocess
print(subprocess.run(["/usr/bin/sort", "-r"], input=b"a\nb\n", capture_output=True, check=True).stdout)
print(subprocess.run("echo $((1+1)) | cat", shell=True, capture_output=True, check=True).stdout)
`},
	{"scratch files", standardOnly, `
import os, shutil, sqlite3, tempfile, zipfile, fcntl, mmap
os.chdir("/scratch")
with tempfile.TemporaryDirectory() as d, open(d + "/f", "w+b") as f:
    f.write(bytes(8192)); f.flush()
    fcntl.flock(f, fcntl.LOCK_EX)
    mmap.mmap(f.fileno(), 0)[0] = 1
    shutil.copy2(d + "/f", "/scratch/g")
    with zipfile.ZipFile("/scratch/z.zip", "w") as z:
        z.write("/scratch/g")
c = sqlite3.connect("/scratch/db")
c.execute("create table t (a)")
c.commit()
os.rename("g", "h"); os.mkfifo("p"); os.symlink("h", "s"); shutil.rmtree("/scratch", ignore_errors=True)
`},
	{"foreign functions", standardOnly, `
import ctypes
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
a = (ctypes.c_int * 3)(3, 1, 2)
ctypes.CDLL(None).qsort(a, 3, 4, compare)
assert list(a) == [1, 2, 3]
`},
	{"signals", standardOnly, `
import signal, os, time
signal.signal(signal.SIGALRM, lambda *a: print("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.01)
time.sleep(0.05)
signal.signal(signal.SIGTERM, lambda *a: print("term"))
os.kill(os.getpid(), signal.SIGTERM)
assert os.getpid() == 2 and os.getppid() == 1 and os.getuid() == 1000
assert open("/proc/self/status").read().count("CapEff:\t0000000000000000") == 1
`},
}

var (
	both         = []policies.Level{policies.Maximum, policies.Standard}
	standardOnly = []policies.Level{policies.Standard}
)

// TestHonest_LowSeverity: what the C library does behind an honest script's back
// is refused and recorded, and must not end the run.
func TestHonest_LowSeverity(t *testing.T) {
	r := newRunner(t)
	result := run(t, r, policies.Maximum, `
import zoneinfo, getpass, resource
zoneinfo.ZoneInfo("Europe/Rome")
assert getpass.getuser() == "sandbox"
try:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (OSError, ValueError):
    pass
`)
	assert.Equal(t, sandbox.Completed, result.Outcome, "stderr: %s", result.Stderr)
	assert.NotEmpty(t, result.Violations)
	for _, v := range result.Violations {
		assert.Equal(t, sandbox.Low, v.Severity, "%+v", v)
	}
}

func TestHonest(t *testing.T) {
	r := newRunner(t)
	for _, h := range honest {
		for _, level := range h.levels {
			t.Run(h.name+"/"+level.String(), func(t *testing.T) {
				result := run(t, r, level, h.source)
				assert.Equal(t, sandbox.Completed, result.Outcome, "stderr: %s", result.Stderr)
				assert.Empty(t, result.Violations)
				assert.Empty(t, result.Stderr)
			})
		}
	}
}
