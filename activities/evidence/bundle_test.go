package evidence

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type signer struct{ key ed25519.PrivateKey }

func newSigner(t *testing.T) signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return signer{key}
}

func (s signer) Sign(purpose string, message []byte) []byte {
	return ed25519.Sign(s.key, append([]byte(purpose), message...))
}

func (s signer) PublicKey() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) } //nolint:forcetypeassert // it is

func testBundle(t *testing.T, s signer) string {
	t.Helper()
	b := New("demo/x", "lazaret test", time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC))
	require.NoError(t, b.Add("audit.jsonl", []byte("line\n")))
	require.NoError(t, b.AddJSON("history/one.json", map[string]int{"a": 1}))
	b.Lacks("ledger", errors.New("no worker answered"))
	path := filepath.Join(t.TempDir(), "bundle.tar.zst")
	m, err := b.Write(path, s)
	require.NoError(t, err)
	require.Len(t, m.Files, 3)
	return path
}

func TestBundle(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	path := testBundle(t, s)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	m, err := Verify(path, s.PublicKey())
	require.NoError(t, err)
	assert.Equal(t, "demo/x", m.Definition)
	assert.Equal(t, []string{"ledger: no worker answered"}, m.Missing)
	_, err = Verify(path, nil)
	require.NoError(t, err)
	_, err = Verify(path, newSigner(t).PublicKey())
	require.ErrorIs(t, err, ErrBad)
	require.ErrorContains(t, err, "is not signed by that key")

	b := New("demo/x", "lazaret test", time.Now())
	_, err = b.Write(path, s)
	require.ErrorIs(t, err, os.ErrExist)
	for _, name := range []string{"", "/etc/passwd", "../x", "a/../b", ".hidden", "manifest.json", "a//b", "x\n", "audit.pub/"} {
		assert.Error(t, b.Add(name, nil), name)
	}
}

type entry struct {
	name string
	text []byte
}

// rewrite changes the entries of a bundle.
func rewrite(t *testing.T, path string, change func([]entry) []entry) string {
	t.Helper()
	in, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	unfolded, err := zstd.NewReader(in)
	require.NoError(t, err)
	defer unfolded.Close()
	var entries []entry
	for archive := tar.NewReader(unfolded); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		text, err := io.ReadAll(archive)
		require.NoError(t, err)
		entries = append(entries, entry{header.Name, text})
	}
	var out bytes.Buffer
	folded, err := zstd.NewWriter(&out)
	require.NoError(t, err)
	archive := tar.NewWriter(folded)
	for _, e := range change(entries) {
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: e.name, Size: int64(len(e.text)), Typeflag: tar.TypeReg}))
		_, err := archive.Write(e.text)
		require.NoError(t, err)
	}
	require.NoError(t, errors.Join(archive.Close(), folded.Close()))
	changed := filepath.Join(t.TempDir(), "changed.tar.zst")
	require.NoError(t, os.WriteFile(changed, out.Bytes(), 0o600))
	return changed
}

// TestVerify_Tampered: what was changed, dropped, added or moved is named.
func TestVerify_Tampered(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	path := testBundle(t, s)
	for want, change := range map[string]func([]entry) []entry{
		`"audit.jsonl" was changed`:          func(e []entry) []entry { e[2].text = []byte("LINE\n"); return e },
		`"history/one.json" was changed`:     func(e []entry) []entry { e[3].text = append(e[3].text, ' '); return e },
		`stands where "audit.jsonl" belongs`: func(e []entry) []entry { e[2], e[3] = e[3], e[2]; return e },
		`is missing`:                         func(e []entry) []entry { return e[:len(e)-1] },
		`behind the last entry`:              func(e []entry) []entry { return append(e, entry{"more", nil}) },
		`is not signed`: func(e []entry) []entry {
			e[0].text = bytes.Replace(e[0].text, []byte("demo/x"), []byte("demo/y"), 1)
			return e
		},
		`manifest.sig is no signature`: func(e []entry) []entry { e[1].text = []byte("?"); return e },
		`manifest.json is missing`:     func(e []entry) []entry { return e[1:] },
		`"../../etc/x" stands where`:   func(e []entry) []entry { e[2].name = "../../etc/x"; return e },
	} {
		_, err := Verify(rewrite(t, path, change), s.PublicKey())
		require.ErrorIs(t, err, ErrBad, want)
		require.ErrorContains(t, err, want)
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	cut := filepath.Join(t.TempDir(), "cut")
	for _, size := range []int{0, 1, len(text) / 2, len(text) - 1} {
		require.NoError(t, os.WriteFile(cut, text[:size], 0o600))
		_, err = Verify(cut, s.PublicKey())
		require.ErrorIs(t, err, ErrBad, "%d bytes", size)
	}
	_, err = Verify(cut+strings.Repeat("x", 9), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}
