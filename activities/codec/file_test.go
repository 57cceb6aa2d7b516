package codec

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testRing(t *testing.T, keys ...Key) Ring {
	t.Helper()
	ring, err := NewRing(keys...)
	require.NoError(t, err)
	return ring
}

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "payload.keys")
	key := testKey(t, ChaCha20Poly1305, day)
	require.NoError(t, CreateFile(path, testRing(t, key)))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.ErrorIs(t, CreateFile(path, testRing(t, key)), os.ErrExist)
	got, err := ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, []Key{key}, got.Keys())
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", got.Keys(), key, key), string(key.secret))

	require.NoError(t, os.Chmod(path, 0o640))
	_, err = ReadFile(path)
	require.ErrorContains(t, err, "is open to others (mode 0640)")
	_, err = ReadFile(filepath.Dir(path))
	require.ErrorContains(t, err, "is not a regular file")
	_, err = ReadFile(path + ".none")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestFile_Credential: systemd's files are for the service's group too.
func TestFile_Credential(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "payload-keys")
	require.NoError(t, CreateFile(path, testRing(t, testKey(t, AES256GCM, day))))
	require.NoError(t, os.Chmod(path, 0o440))
	_, err := ReadFile(path)
	require.ErrorContains(t, err, "is open to others")
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	_, err = ReadFile(path)
	require.NoError(t, err)
}

func TestParseRing_Refuses(t *testing.T) {
	t.Parallel()
	good := `{"id":"k","algorithm":"aes-256-gcm","created":"2026-11-26T00:00:00Z","from":"2026-11-26T00:00:00Z","secret":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`
	for text, want := range map[string]string{
		"":                                    "no key ring in JSON",
		"secret-material":                     "no key ring in JSON",
		`{"version":1,"keys":[]}`:             "without a key",
		`{"version":2,"keys":[` + good + `]}`: "of version 2",
		`{"version":1,"keys":[` + good + `,` + good + `]}`:                            "twice",
		`{"version":1,"keys":[{"id":"../x","algorithm":"aes-256-gcm"}]}`:              "is not letters",
		`{"version":1,"keys":[{"id":"k","algorithm":"aes-256-gcm","secret":"AA=="}]}`: "has 1 bytes, not 32",
		`{"version":1,"keys":[{"id":"k","algorithm":"aes-256-cbc","secret":"AA=="}]}`: "does not notice changes",
		`{"version":1,"keys":[{"id":"k","algorithm":"aes-256-gcm","secret":"hush"}]}`: "has 3 bytes",
		`{"version":1,"more":1,"keys":[` + good + `]}`:                                "no key ring in JSON",
	} {
		_, err := ParseRing([]byte(text))
		require.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "secret-material")
		assert.NotContains(t, err.Error(), "hush")
	}
	_, err := ParseRing([]byte(`{"version":1,"keys":[` + good + `]}`))
	require.NoError(t, err)
}

// TestKeeper_Reloads: a key that another process adds is used without a restart.
func TestKeeper_Reloads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "payload.keys")
	now := day
	old := testKey(t, ChaCha20Poly1305, day)
	require.NoError(t, CreateFile(path, testRing(t, old)))
	keeper, err := Open(path, func() time.Time { return now })
	require.NoError(t, err)
	next := testKey(t, AES256GCM, day)
	require.NoError(t, ReplaceFile(path, testRing(t, old, next)))
	_, found := keeper.find(next.ID)
	assert.True(t, found, "a payload that names a new key has it looked for")
	_, found = keeper.find("none")
	assert.False(t, found)

	// A file that has become unreadable changes nothing for who runs.
	require.NoError(t, os.WriteFile(path, []byte("broken"), 0o600))
	now = now.Add(time.Minute)
	assert.Len(t, keeper.Ring().Keys(), 2)
	_, err = Open(path, nil)
	require.ErrorContains(t, err, "no key ring in JSON")
}
