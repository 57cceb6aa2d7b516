package install_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/worker/install"
)

var _ = client.Options{HeadersProvider: install.Credentials{}}

// folder returns a path at which nothing is yet.
func folder(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "state", "lazaret")
}

func open(t *testing.T, dir string) *install.Install {
	t.Helper()
	i, err := install.Open(dir)
	require.NoError(t, err)
	return i
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	for state, want := range map[string]string{
		"":          "/home/someone/.local/state/lazaret",
		"relative":  "/home/someone/.local/state/lazaret",
		"/var/some": "/var/some/lazaret",
	} {
		t.Setenv("XDG_STATE_HOME", state)
		dir, err := install.DefaultDir()
		require.NoError(t, err)
		require.Equal(t, want, dir)
	}
}

func TestOpen_MakesAndKeepsSecrets(t *testing.T) {
	dir := folder(t)
	first, second := open(t, dir), open(t, dir)
	require.Len(t, first.SigningKey(), 32)
	require.Equal(t, first.SigningKey(), second.SigningKey())
	tokens := map[string]bool{}
	for _, p := range []install.Principal{install.Worker, install.CLI, install.UI} {
		require.Len(t, first.Token(p), 64)
		require.Equal(t, first.Token(p), second.Token(p))
		tokens[first.Token(p)] = true
	}
	require.Len(t, tokens, 3, "each principal has its own")
	require.Empty(t, first.Token("stranger"))

	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
	require.NotContains(t, fmt.Sprint(first.Credentials(install.CLI)), first.Token(install.CLI))
}

func TestOpen_AtOnceAgrees(t *testing.T) {
	dir := folder(t)
	tokens := make([]string, 16)
	var wg sync.WaitGroup
	for n := range tokens {
		wg.Go(func() {
			if i, err := install.Open(dir); err == nil {
				tokens[n] = i.Token(install.CLI)
			}
		})
	}
	wg.Wait()
	for _, token := range tokens {
		require.NotEmpty(t, token)
		require.Equal(t, tokens[0], token)
	}
}

func TestOpen_Refuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil        func(dir string) error
		reason, hint string
	}{
		"token readable by the group": {
			func(dir string) error { return os.Chmod(dir+"/token.cli", 0o640) },
			`secret file "DIR/token.cli" is open to other users (mode 0640)`,
			`others may have read it: stop every lazaret of this user and remove it; a new one is made (rm "DIR/token.cli")`,
		},
		"folder open to others": {
			func(dir string) error { return os.Chmod(dir, 0o755) },
			`state folder "DIR" is open to other users (mode 0755)`,
			`chmod 700 "DIR", or name another folder with --state-dir`,
		},
		"token cut short": {
			func(dir string) error { return os.WriteFile(dir+"/grant.key", []byte("00ff\n"), 0o600) },
			`secret file "DIR/grant.key" is damaged: want 64 hexadecimal digits`,
			`stop every lazaret of this user and remove it; a new one is made (rm "DIR/grant.key")`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			open(t, dir)
			require.NoError(t, c.spoil(dir))
			_, err := install.Open(dir)
			var refusal *install.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, strings.ReplaceAll(c.reason, "DIR", dir), refusal.Error())
			require.Equal(t, strings.ReplaceAll(c.hint, "DIR", dir), refusal.Hint)
		})
	}
}

func TestOpen_RefusesForeignSecret(t *testing.T) {
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("only root can give files away")
	}
	dir := folder(t)
	open(t, dir)
	require.NoError(t, os.Chown(dir+"/token.ui", 12345, 0))
	_, err := install.Open(dir)
	require.EqualError(t, err, fmt.Sprintf("%q belongs to user id 12345, this process runs as 0", dir+"/token.ui"))
}

func TestOpen_RefusesSymlinkAsSecret(t *testing.T) {
	dir := folder(t)
	open(t, dir)
	require.NoError(t, os.Rename(dir+"/token.cli", dir+"/elsewhere"))
	require.NoError(t, os.Symlink("elsewhere", dir+"/token.cli"))
	_, err := install.Open(dir)
	require.Error(t, err)
}

func TestOpen_FolderCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := install.Open(file + "/lazaret")
	var refusal *install.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, fmt.Sprintf("state folder %q cannot be written: not a directory", file+"/lazaret"), refusal.Error())
}
