package worker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/worker/install"
)

func TestAwaitUp(t *testing.T) {
	t.Parallel()
	home, err := install.Open(filepath.Join(t.TempDir(), "state"))
	require.NoError(t, err)
	ofUp := &session{install: home, server: install.Discovery{Kind: install.Up}}

	err = ofUp.awaitUp(t.Context(), time.Millisecond)
	var exit *exitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, exitUnreachable, exit.code)
	require.ErrorContains(t, err, "`lazaret up` has ended")

	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, ofUp.awaitUp(ended, time.Hour), context.Canceled)

	ofRun := &session{install: home, server: install.Discovery{Kind: install.Run}}
	require.NoError(t, ofRun.awaitUp(t.Context(), time.Hour), "a run's place is taken at once")

	answer := make(chan error, 1)
	go func() { answer <- ofUp.awaitUp(t.Context(), time.Hour) }()
	lock, err := home.Lock()
	require.NoError(t, err)
	defer lock.Release()
	require.NoError(t, home.Announce(install.Discovery{PID: os.Getpid(), Address: "127.0.0.1:1", Kind: install.Up}))
	select {
	case err := <-answer:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		require.NoError(t, errors.New("another up is not seen"))
	}
}
