package egress

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// traffic is what one run carries, over all its connections and in both directions.
// Its zero value carries anything, as fast as it comes.
type traffic struct {
	most    int64 // bytes; 0: any number
	carried atomic.Int64
	told    atomic.Bool   // that they are used up
	pace    *rate.Limiter // nil: none
	piece   int           // bytes that wait for the pace together
}

// A run may be ahead of its pace by what it carries in a quarter of a second: less,
// and a timer that is late would slow it down; more, and "a second" says little.
const aheadParts = 4

func (t *traffic) limit(l Limits) {
	t.most = l.Bytes
	if l.Rate > 0 {
		ahead := max(1, l.Rate/aheadParts)
		t.piece = int(min(ahead, bufferSize))
		t.pace = rate.NewLimiter(rate.Limit(l.Rate), int(ahead))
	}
}

// take says how many of n bytes may be carried now: fewer only where the run then
// has carried all that it may. It waits until their turn has come, or the context ends.
func (t *traffic) take(ctx context.Context, n int) (int, error) {
	if t.pace != nil && !t.usedUp() {
		n = min(n, t.piece)
		if err := t.pace.WaitN(ctx, n); err != nil {
			return 0, err
		}
	}
	if t.most == 0 {
		return n, nil
	}
	for {
		had := t.carried.Load()
		granted := min(int64(n), t.most-had)
		if t.carried.CompareAndSwap(had, had+granted) {
			return int(granted), nil
		}
	}
}

func (t *traffic) usedUp() bool { return t.most > 0 && t.carried.Load() >= t.most }

// exhausted is why nothing more is carried.
func (t *traffic) exhausted(target Target) *Denial {
	return &Denial{Exhausted, "traffic", fmt.Sprintf("more than %d bytes in one run, at %s", t.most, target)}
}
