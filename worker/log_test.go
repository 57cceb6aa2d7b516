package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"go.temporal.io/api/serviceerror"
)

// TestTemporalLogger_Cancelled: what was called off is no trouble, whoever says so;
// anything else is told.
func TestTemporalLogger_Cancelled(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := temporalLogger(zerolog.New(&out).Level(zerolog.WarnLevel))
	for _, cancelled := range []error{context.Canceled, fmt.Errorf("poll: %w", context.Canceled), serviceerror.NewCanceled("context canceled")} {
		l.Warn("Failed to poll for task.", "Error", cancelled)
		l.Error("Activity error.", "Error", cancelled)
	}
	assert.Empty(t, out.String())
	l.Warn("Failed to poll for task.", "Error", errors.New("connection refused"))
	assert.Contains(t, out.String(), "connection refused")
}
