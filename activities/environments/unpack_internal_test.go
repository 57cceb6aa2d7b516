package environments

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func archive(t *testing.T, headers ...*tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	a := tar.NewWriter(z)
	for _, h := range headers {
		h.Mode = 0o777
		require.NoError(t, a.WriteHeader(h))
		_, err := io.CopyN(a, zeros{}, h.Size)
		require.NoError(t, err)
	}
	require.NoError(t, a.Close())
	require.NoError(t, z.Close())
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What a sandbox packs comes out inside the folder, as plain files, or not at all.
func TestUnpack_Hostile(t *testing.T) {
	for name, data := range map[string][]byte{
		"upwards":        archive(t, &tar.Header{Name: "../out", Typeflag: tar.TypeReg, Size: 1}),
		"absolute":       archive(t, &tar.Header{Name: "/out", Typeflag: tar.TypeReg, Size: 1}),
		"link":           archive(t, &tar.Header{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/etc"}),
		"hard link":      archive(t, &tar.Header{Name: "a", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}),
		"device":         archive(t, &tar.Header{Name: "a", Typeflag: tar.TypeChar}),
		"twice":          archive(t, &tar.Header{Name: "a", Typeflag: tar.TypeReg}, &tar.Header{Name: "a", Typeflag: tar.TypeReg}),
		"bomb":           archive(t, &tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: maxInstalled + 1}),
		"cut off":        archive(t, &tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: 1 << 20})[:100],
		"not compressed": []byte("x"),
	} {
		t.Run(name, func(t *testing.T) {
			outer := t.TempDir()
			dir := filepath.Join(outer, "in")
			require.NoError(t, os.Mkdir(dir, 0o700))
			_, err := unpack(data, dir)
			require.Error(t, err)
			assert.NoFileExists(t, filepath.Join(outer, "out"))
		})
	}
}

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	size, err := unpack(archive(t, &tar.Header{Name: "./", Typeflag: tar.TypeDir}, &tar.Header{Name: "./p/a.py", Typeflag: tar.TypeReg, Size: 3}), dir)
	require.NoError(t, err)
	assert.EqualValues(t, 3, size)
	info, err := os.Stat(filepath.Join(dir, "p/a.py"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o444), info.Mode())
}
