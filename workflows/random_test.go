package workflows

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestRandom_SameOnReplay holds draws to literal values: recorded timers depend on them.
func TestRandom_SameOnReplay(t *testing.T) {
	r := newRandom("0f6e7c1a-0000-4000-8000-000000000000", 0)
	var drawn []int64
	for range 4 {
		drawn = append(drawn, r.upTo(1000))
	}
	assert.Equal(t, []int64{815, 553, 477, 892}, drawn)
}

func TestRandom_GoesOnAfterContinueAsNew(t *testing.T) {
	whole := newRandom("run", 0)
	for range 5 {
		whole.upTo(math.MaxInt32)
	}
	resumed := newRandom("run", whole.drawn)
	assert.Equal(t, whole.upTo(math.MaxInt32), resumed.upTo(math.MaxInt32))
}

func TestRandom_StaysWithinBounds(t *testing.T) {
	r := newRandom("run", 0)
	seen := map[int64]bool{}
	for range 1000 {
		n := r.upTo(3)
		seen[n] = true
		assert.True(t, n >= 0 && n <= 3, n)
	}
	assert.Len(t, seen, 4, "both ends are drawn")
	assert.Zero(t, r.upTo(0))
}

func TestRandom_DiffersByRun(t *testing.T) {
	a, b := newRandom("one", 0), newRandom("two", 0)
	assert.NotEqual(t, a.upTo(math.MaxInt32), b.upTo(math.MaxInt32))
}
