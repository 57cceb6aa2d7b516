package virttest

import (
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A daemon lives until it is stopped, whatever becomes of this program's threads:
// the one that starts it must not be one that may die.
func TestDaemon_OutlivesThreads(t *testing.T) {
	d := Start(t)
	for range 20 {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				runtime.LockOSThread() // and ends so: its thread goes with it
			})
		}
		wg.Wait()
	}
	before := d.pid()
	d.Freeze(t, true) // fails when nobody is there
	d.Freeze(t, false)
	require.Equal(t, before, d.pid())
	_, err := os.Stat(d.Socket)
	require.NoError(t, err)
}
