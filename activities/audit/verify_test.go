package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A45: verify names the first bad line after an edit, a drop, a reorder, a cut.
func TestVerify_Tampering(t *testing.T) {
	swap := func(l [][]byte, i, j int) [][]byte { l[i], l[j] = l[j], l[i]; return l }
	cases := map[string]struct {
		tamper func([][]byte) [][]byte
		place  string
		reason string
	}{
		"edit": {func(l [][]byte) [][]byte {
			l[3] = bytes.Replace(l[3], []byte("domain-2"), []byte("domain-9"), 1)
			return l
		}, "audit.log:4", "the line was changed: line 5 was written after another one"},
		"edit of the newest": {func(l [][]byte) [][]byte {
			l[5] = bytes.Replace(l[5], []byte("domain-4"), []byte("domain-9"), 1)
			return l
		}, "audit.log:6", "the line was changed: another one was signed"},
		"edit of spelling": {func(l [][]byte) [][]byte {
			l[5] = bytes.Replace(l[5], []byte(`,"seq"`), []byte(`, "seq"`), 1)
			return l
		}, "audit.log:6", "not written as we write lines"},
		"drop":              {func(l [][]byte) [][]byte { return slices.Delete(l, 2, 3) }, "audit.log:3", "lines 3 to 3 are missing before it"},
		"drop of the first": {func(l [][]byte) [][]byte { return l[1:] }, "audit.log:5", "lines 1 to 1 are missing, and no line says"},
		"reorder":           {func(l [][]byte) [][]byte { return swap(l, 2, 3) }, "audit.log:3", "lines 3 to 3 are missing before it"},
		"repeat":            {func(l [][]byte) [][]byte { return slices.Insert(l, 3, l[2]) }, "audit.log:4", "it was moved or repeated"},
		"cut":               {func(l [][]byte) [][]byte { return l[:4] }, "audit.log:4", "lines 5 to 6 were signed and are cut off after it"},
		"cut in a line":     {func(l [][]byte) [][]byte { l[5] = l[5][:20]; return l }, "audit.log:6", "the line is not whole"},
		"emptied":           {func([][]byte) [][]byte { return nil }, "audit.log:1", "the log is empty, but line 6 was signed"},
		"foreign line":      {func(l [][]byte) [][]byte { return slices.Insert(l, 2, []byte("hello\n")) }, "audit.log:3", "not a line of the audit log"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l, _ := openLog(t, dir, Limits{})
			appendSome(t, l, 5)
			require.NoError(t, l.Close())
			path := filepath.Join(dir, currentFile)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			all := bytes.SplitAfter(text, []byte("\n"))
			require.NoError(t, os.WriteFile(path, bytes.Join(c.tamper(all[:6]), nil), fileMode))
			_, err = Verify(dir, publicKey(t, dir))
			var bad *BadLine
			require.ErrorAs(t, err, &bad)
			require.Equal(t, c.place, bad.Place)
			require.Contains(t, bad.Reason, c.reason)
		})
	}
}

// A chain written anew with another key does not pass for the old one.
func TestVerify_Replaced(t *testing.T) {
	dir, forged := t.TempDir(), t.TempDir()
	l, _ := openLog(t, dir, Limits{})
	appendSome(t, l, 3)
	head, key := l.Head(), publicKey(t, dir)
	f, _ := openLog(t, forged, Limits{})
	appendSome(t, f, 5)
	_, err := Verify(forged, key)
	require.ErrorContains(t, err, "is not signed by this log's key")
	_, err = Verify(forged, publicKey(t, forged), head)
	require.ErrorContains(t, err, "is not signed by this key")
}

// An anchored head finds what the owner of folder and key wrote anew.
func TestVerify_Anchors(t *testing.T) {
	dir := t.TempDir()
	l, _ := openLog(t, dir, Limits{})
	appendSome(t, l, 3)
	head := l.Head()
	appendSome(t, l, 3)
	_, err := Verify(dir, publicKey(t, dir), head)
	require.NoError(t, err)
	require.NoError(t, l.Close())

	require.NoError(t, os.Remove(filepath.Join(dir, currentFile)))
	require.NoError(t, os.Remove(filepath.Join(dir, headFile)))
	again, _ := openLog(t, dir, Limits{})
	appendSome(t, again, 2)
	_, err = again.Append(Event{Kind: Operation, Subject: "another history"})
	require.NoError(t, err)
	appendSome(t, again, 3)
	_, err = Verify(dir, publicKey(t, dir))
	require.NoError(t, err)
	_, err = Verify(dir, publicKey(t, dir), head)
	require.ErrorContains(t, err, "another one was signed")
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte("hello\n"), 0)
	f.Add([]byte(`{"seq":18446744073709551615}`+"\n"), 1)
	f.Fuzz(func(t *testing.T, text []byte, at int) {
		dir := t.TempDir()
		l, _ := openLog(t, dir, Limits{})
		appendSome(t, l, 2)
		require.NoError(t, l.Close())
		path := filepath.Join(dir, currentFile)
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		at = min(max(at, 0), len(before))
		require.NoError(t, os.WriteFile(path, slices.Concat(before[:at], text, before[at:]), fileMode))
		_, err = Verify(dir, publicKey(t, dir))
		require.Equal(t, len(text) > 0, err != nil)
	})
}
