package policies_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// TestExportSeccomp_Libseccomp has libseccomp compile each exported profile and
// compares the verdicts of its filter with the level's own rules.
func TestExportSeccomp_Libseccomp(t *testing.T) {
	if err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", "import ctypes; ctypes.CDLL('libseccomp.so.2')").Run(); err != nil && os.Getenv("CI") == "" {
		t.Skip("libseccomp is not installed")
	}
	for _, level := range policies.Levels() {
		t.Run(level.String(), func(t *testing.T) {
			exported, err := policies.ExportSeccomp(level)
			require.NoError(t, err)
			text, err := json.Marshal(exported)
			require.NoError(t, err)
			cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/libseccomp.py")
			var unknown bytes.Buffer
			cmd.Stdin, cmd.Stderr = bytes.NewReader(text), &unknown
			program, err := cmd.Output()
			require.NoError(t, err, "%s", unknown.String())
			requireSameVerdicts(t, level, program, unknown.String())
		})
	}
}

func requireSameVerdicts(t *testing.T, level policies.Level, program []byte, unknown string) {
	t.Helper()
	vm := load(t, program)
	spec, err := policies.SpecFor(level)
	require.NoError(t, err)
	spec.Syscalls.Rules = slices.DeleteFunc(slices.Clone(spec.Syscalls.Rules), func(r seccomp.Rule) bool { return r.Then == seccomp.Notify })
	for nr := range uint32(470) {
		name := seccomp.X86.Name(nr)
		if name == "execve" || name == "" || bytes.Contains([]byte(unknown), []byte(" "+name+"\n")) {
			continue
		}
		for _, args := range argumentsOf(spec.Syscalls) {
			want := spec.Syscalls.Verdict(seccomp.X86, nr, args).Permits()
			got, err := vm.Run(seccomp.Packet(seccomp.X86.Audit, nr, args))
			require.NoError(t, err)
			require.Equal(t, want, uint32(got) == uint32(seccomp.Allow), "%s %#x: %#x", name, args, got)
		}
	}
}

// load reads the kernel's form of a filter, an array of struct sock_filter.
func load(t *testing.T, program []byte) *bpf.VM {
	t.Helper()
	var raw []bpf.RawInstruction
	for ; len(program) >= 8; program = program[8:] {
		raw = append(raw, bpf.RawInstruction{
			Op: binary.LittleEndian.Uint16(program), Jt: program[2], Jf: program[3], K: binary.LittleEndian.Uint32(program[4:]),
		})
	}
	code, ok := bpf.Disassemble(raw)
	require.True(t, ok)
	vm, err := bpf.NewVM(code)
	require.NoError(t, err)
	return vm
}

// argumentsOf are registers around every value that a policy compares.
func argumentsOf(p seccomp.Policy) [][6]uint64 {
	all := [][6]uint64{{}, {1, 1, 1, 1, 1, 1}, {^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}}
	for _, r := range p.Rules {
		for _, c := range r.When {
			for _, v := range []uint64{c.Value, c.Value ^ 1, c.Value | 1<<33, c.Mask, ^c.Mask, c.Value | ^c.Mask} {
				var args [6]uint64
				args[c.Arg] = v
				all = append(all, args)
			}
		}
		if len(r.When) > 1 {
			var args [6]uint64
			for _, c := range r.When {
				args[c.Arg] = c.Value
			}
			all = append(all, args)
		}
	}
	return all
}

func TestExportSeccomp_RefusesNoLevel(t *testing.T) {
	_, err := policies.ExportSeccomp(0)
	var level *policies.LevelError
	assert.ErrorAs(t, err, &level)
}
