package install_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/contrib/envconfig"

	"lazaret.dev/lazaret/worker/install"
)

const holderEnv = "LAZARET_TEST_LOCK_HOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holderEnv); dir != "" {
		hold(dir)
	}
	os.Exit(m.Run())
}

// hold locks and announces until it is killed.
func hold(dir string) {
	i, err := install.Open(dir)
	if err != nil {
		panic(err)
	}
	if _, err := i.Lock(); err != nil {
		panic(err)
	}
	if err := i.Announce(install.Discovery{PID: os.Getpid(), Address: "127.0.0.1:1", Kind: install.Up}); err != nil {
		panic(err)
	}
	fmt.Println("held")
	select {}
}

// requireRunning checks what Running says; nil stands for "nothing".
func requireRunning(t *testing.T, i *install.Install, want *install.Discovery) {
	t.Helper()
	got, running, err := i.Running()
	require.NoError(t, err)
	require.Equal(t, want != nil, running)
	if want != nil {
		require.Equal(t, *want, got)
	}
}

func TestRunning_OwnProcess(t *testing.T) {
	i := open(t, folder(t))
	requireRunning(t, i, nil)
	lock, err := i.Lock()
	require.NoError(t, err)
	requireRunning(t, i, nil) // not announced yet

	stale := install.Discovery{PID: 1, Address: "127.0.0.1:1"}
	require.NoError(t, i.Announce(stale))
	requireRunning(t, i, nil) // left by a process that does not hold the lock

	live := install.Discovery{PID: os.Getpid(), Address: "127.0.0.1:2", Kind: install.Run}
	require.NoError(t, i.Announce(live))
	requireRunning(t, i, &live)

	_, err = i.Lock()
	var held *install.LockedError
	require.ErrorAs(t, err, &held)
	require.Equal(t, os.Getpid(), held.PID)

	stopped := live
	stopped.Stopped = true
	require.False(t, i.Stopped(live))
	require.NoError(t, i.Announce(stopped))
	requireRunning(t, i, nil) // its last word, while it ends
	require.True(t, i.Stopped(live))
	require.False(t, i.Stopped(install.Discovery{PID: live.PID, StartedAt: time.Now()}))
	require.NoError(t, i.Announce(live))

	lock.Release()
	requireRunning(t, i, nil) // the file is there, the lock is free
	require.NoError(t, i.Withdraw())
	require.NoError(t, i.Withdraw())
}

func TestRunning_OtherProcessKilled(t *testing.T) {
	i := open(t, folder(t))
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), holderEnv+"="+i.Dir())
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = fmt.Fscanln(stdout, new(string))
	require.NoError(t, err)

	d, running, err := i.Running()
	require.NoError(t, err)
	require.True(t, running)
	require.Equal(t, cmd.Process.Pid, d.PID)
	_, err = i.Lock()
	require.EqualError(t, err, fmt.Sprintf("state folder %q is in use by process %d", i.Dir(), d.PID))

	require.NoError(t, cmd.Process.Kill())
	_, _ = io.Copy(io.Discard, stdout)
	require.Error(t, cmd.Wait())
	requireRunning(t, i, nil)
	lock, err := i.Lock()
	require.NoError(t, err)
	lock.Release()
}

func TestWriteProfile(t *testing.T) {
	i := open(t, folder(t))
	require.NoError(t, i.WriteProfile("127.0.0.1:7233", ""))
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFilePath: i.ProfilePath(), ConfigFileStrict: true,
	})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:7233", profile.Address)
	require.Equal(t, install.Namespace, profile.Namespace)
	require.Equal(t, map[string]string{"authorization": "Bearer " + i.Token(install.CLI)}, profile.GRPCMeta)
	info, err := os.Stat(i.ProfilePath())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestLoginLink_NothingRuns(t *testing.T) {
	i := open(t, folder(t))
	_, err := i.LoginLink(t.Context())
	require.EqualError(t, err, fmt.Sprintf("no Web UI is running on state folder %q", i.Dir()))
}
