package workflows

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"lazaret.dev/lazaret/workflows/definition"
)

func TestBackoff(t *testing.T) {
	for _, tt := range []struct {
		kind definition.Backoff
		base time.Duration
		n    int
		want time.Duration
	}{
		{definition.Constant, time.Second, 1, time.Second},
		{definition.Constant, time.Second, 9, time.Second},
		{definition.Linear, time.Second, 1, time.Second},
		{definition.Linear, time.Second, 3, 3 * time.Second},
		{definition.Exponential, time.Second, 1, time.Second},
		{definition.Exponential, time.Second, 5, 16 * time.Second},
		{definition.Exponential, 0, 50, 0},
		{definition.Exponential, time.Second, 64, maxDelay},
		{definition.Exponential, time.Nanosecond, math.MaxInt32, maxDelay},
		{definition.Linear, maxDelay, 2, maxDelay},
	} {
		assert.Equal(t, tt.want, backoff(tt.kind, tt.base, tt.n), "%s %s, retry %d", tt.kind, tt.base, tt.n)
	}
}
