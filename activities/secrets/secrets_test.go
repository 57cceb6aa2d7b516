package secrets_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/secrets"
)

func resolve(t *testing.T, mapping, name string) (any, error) {
	t.Helper()
	store := &secrets.Store{}
	require.NoError(t, store.Add(mapping))
	return store.Resolve(t.Context(), name)
}

func TestStore_Sources(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "value")
	require.NoError(t, os.WriteFile(file, []byte("s3cret\n"), 0o600))
	t.Setenv("LAZARET_TEST_SECRET", `{"user": "ada", "n": 9007199254740993}`)
	t.Setenv("CREDENTIALS_DIRECTORY", dir)

	value, err := resolve(t, "a=file:"+file, "a")
	require.NoError(t, err)
	assert.Equal(t, "s3cret", value)
	_, err = resolve(t, "a=credential:none", "a")
	require.ErrorContains(t, err, "there is no none in CREDENTIALS_DIRECTORY, "+os.Getenv("CREDENTIALS_DIRECTORY")+"; the unit needs LoadCredential=none:PATH")
	value, err = resolve(t, "a=credential:value", "a")
	require.NoError(t, err)
	assert.Equal(t, "s3cret", value)
	value, err = resolve(t, "a=env:LAZARET_TEST_SECRET", "a")
	require.NoError(t, err)
	assert.Equal(t, "ada", value.(map[string]any)["user"])
	_, err = resolve(t, "a=file:"+file, "b")
	require.ErrorIs(t, err, secrets.ErrUnknown)

	require.NoError(t, os.WriteFile(file, []byte("rotated"), 0o600))
	value, err = resolve(t, "a=file:"+file, "a")
	require.NoError(t, err)
	assert.Equal(t, "rotated", value)
}

// TestStore_RefusesFiles: a file that others can read or exchange is none (fails closed).
func TestStore_RefusesFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), mode))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	good := write("good", "x-value", 0o600)
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(good, link))
	for path, want := range map[string]string{
		write("wide", "x-value", 0o640):        "can be read by others (mode 0640); chmod 0600 it",
		link:                                   "symbolic link",
		dir:                                    "no regular file",
		write("empty", "\n", 0o600):            "it is empty",
		write("binary", "\xff\xfe\xfd", 0o600): "not UTF-8",
		filepath.Join(dir, "none"):             "no such file",
	} {
		_, err := resolve(t, "a=file:"+path, "a")
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "x-value")
	}
}

func TestStore_AddRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a":                    "write NAME=SOURCE",
		"a=b":                  "write env:VARIABLE",
		"a=file:relative":      "must be absolute",
		"a=credential:../etc":  "without a folder",
		"a=vault:secret/x#y":   "no Vault is configured",
		"a=keychain:something": "write env:VARIABLE",
	} {
		require.ErrorContains(t, (&secrets.Store{}).Add(text), want, text)
	}
	store := &secrets.Store{}
	require.NoError(t, store.Add("a=env:HOME"))
	require.ErrorContains(t, store.Add("a=env:PATH"), "given twice")
}

func TestStore_Check(t *testing.T) {
	t.Parallel()
	store := &secrets.Store{}
	require.NoError(t, store.Add("a=env:LAZARET_TEST_NOT_SET"))
	require.EqualError(t, store.Check(t.Context()), `secret "a": environment variable LAZARET_TEST_NOT_SET is not set`)
}

func TestRedactor(t *testing.T) {
	t.Parallel()
	const value = `pä"ss w/o+rd=`
	r := &secrets.Redactor{}
	r.Add(map[string]any{"a": value, "n": 123456, "short": "abc"})
	for _, text := range []string{
		value, `p%C3%A4%22ss+w%2Fo%2Brd%3D`, `p%c3%a4%22ss%20w%2fo%2brd%3d`, `pä\"ss w/o+rd=`,
		base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)), "123456",
	} {
		assert.Equal(t, "<"+secrets.Mask+">", r.Text("<"+text+">"), text)
	}
	for _, prefix := range []string{"", "x", "xy", "xyz:"} {
		encoded := base64.StdEncoding.EncodeToString([]byte(prefix + value + "tail"))
		assert.Contains(t, r.Text(encoded), secrets.Mask, prefix)
	}
	html := &secrets.Redactor{}
	html.Add(`a<ü😀/&"b`)
	for _, text := range []string{
		`a\u003cü😀/\u0026\"b`, `a<\u00fc\ud83d\ude00/&\"b`, `a<ü😀\/&\"b`, `a<\u00fc\ud83d\ude00\/&\"b`, `a&lt;ü😀/&amp;&#34;b`, `a&lt;ü😀/&amp;&quot;b`,
	} {
		assert.Equal(t, secrets.Mask, html.Text(text))
	}
	assert.Equal(t, "abc", r.Text("abc"), "too short to be looked for")
	tree := map[string]any{value: []any{value, 1, true, nil, 123456}, "b": 12345}
	assert.Equal(t, map[string]any{secrets.Mask: []any{secrets.Mask, 1, true, nil, secrets.Mask}, "b": 12345}, r.Value(tree))
	assert.Contains(t, tree, value, "the value itself stays")
	assert.Equal(t, value, (*secrets.Redactor)(nil).Text(value))
}

// TestRedactor_Excerpt: what has been cut off is not shown up to the cut.
func TestRedactor_Excerpt(t *testing.T) {
	t.Parallel()
	r := &secrets.Redactor{}
	r.Add("canary-token-7Qw", `quote"long-enough`)
	for text, want := range map[string]string{
		`no "canary-token…" or "canary-token-7Qw"`: `no "*****…" or "*****"`,
		`"quote\"long…"; "can…", "canar…"`:         `"*****…"; "can…", "*****…"`,
		"…":                                        "…", "as it is": "as it is",
	} {
		assert.Equal(t, want, r.Excerpt(text))
	}
	assert.Equal(t, "canary…", (*secrets.Redactor)(nil).Excerpt("canary…"))
}
