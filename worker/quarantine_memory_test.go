package worker

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// burst, set to a pair such as 10000/1000, is how many violations testBurst files, and
// of how many definitions.
const burst = "LAZARET_BURST"

// traced has Go say of each garbage collection what was alive after it, where a
// burst's memory is measured.
func traced() []string {
	if os.Getenv(burst) == "" {
		return nil
	}
	return []string{"GODEBUG=gctrace=1"}
}

// memory is that of one process in MB.
type memory struct{ resident, most, live int }

// memories are those of the server's process, in which a worker is as well, and of
// the second worker's.
type memories struct{ server, worker memory }

func (m memories) String() string {
	return fmt.Sprintf("server and worker %v, worker %v", m.server, m.worker)
}

func (m memory) String() string {
	return fmt.Sprintf("%d MB resident (at most %d), %d alive", m.resident, m.most, m.live)
}

// memories reads what the processes have now, and what was alive when they last
// collected garbage.
func (g *ground) memories(t *testing.T) memories {
	t.Helper()
	return memories{server: memoryOf(t, g.up), worker: memoryOf(t, g.second)}
}

// settling is over how many garbage collections the least of what is alive counts:
// what is kept is alive in each of them, what is under way in some.
const settling = 3

// collected is the same when both have collected garbage some more times: Go does so
// at least every two minutes.
func (g *ground) collected(t *testing.T) memories {
	t.Helper()
	if traced() == nil {
		return g.memories(t)
	}
	before := []int{len(g.up.lived(t)), len(g.second.lived(t))}
	var least []int
	for i, c := range []*lazaretCommand{g.up, g.second} {
		require.Eventually(t, func() bool { return len(c.lived(t)) >= before[i]+settling }, 10*time.Minute, time.Second, "garbage collections")
		least = append(least, slices.Min(c.lived(t)[before[i]:]))
	}
	m := g.memories(t)
	m.server.live, m.worker.live = least[0], least[1]
	return m
}

// collections are the heap before, and at the end of, a garbage collection, and what
// of it is alive.
var collections = regexp.MustCompile(`(\d+)->(\d+)->(\d+) MB, `)

// lived is what was alive after each garbage collection so far, in MB.
func (c *lazaretCommand) lived(t *testing.T) (all []int) {
	t.Helper()
	for _, found := range collections.FindAllStringSubmatch(c.said.String(), -1) {
		live, err := strconv.Atoi(found[3])
		require.NoError(t, err)
		all = append(all, live)
	}
	return all
}

func memoryOf(t *testing.T, c *lazaretCommand) (m memory) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kilobytes, _ := strconv.Atoi(fields[1]) // of the two lines that matter, it is one
		switch fields[0] {
		case "VmRSS:":
			m.resident = kilobytes / 1024
		case "VmHWM:":
			m.most = kilobytes / 1024
		}
	}
	require.NotZero(t, m.resident)
	if all := c.lived(t); len(all) > 0 {
		m.live = all[len(all)-1]
	}
	return m
}

// Of violations a ledger keeps the newest, and each takes so much there. What is alive
// differs by as much from one measurement to the next.
const (
	keptByLedger = 256
	megabyteOf   = 1000
	differs      = 3
)

// assertFlat: once all definitions have come into quarantine, another burst of their
// violations keeps no more alive but a tenth, and what their ledgers keep of it. Where
// they are full, that is nothing.
func (b *burstOf) assertFlat(t *testing.T, first, second memories) {
	t.Helper()
	if traced() == nil {
		return
	}
	each := b.filed / b.definitions
	before := each - (b.filed-b.definitions)/2/b.definitions
	records := b.definitions * (min(each, keptByLedger) - min(before, keptByLedger)) / megabyteOf
	for name, m := range map[string][2]memory{"server and worker": {first.server, second.server}, "worker": {first.worker, second.worker}} {
		assert.LessOrEqual(t, float64(m[1].live), max(1.1*float64(m[0].live), float64(m[0].live+differs))+float64(records),
			"%s: alive after one burst, and after another, of which ledgers keep %d MB at most", name, records)
	}
}
