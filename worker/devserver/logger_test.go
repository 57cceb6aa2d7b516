//go:build !nodevserver

package devserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/server/common/log/tag"
)

// TestLogger_GivenUp: that a caller went away is no failure; anything else is told.
func TestLogger_GivenUp(t *testing.T) {
	var out bytes.Buffer
	l := newLogger(zerolog.New(&out), false, nil)
	gone := serviceerror.NewUnavailable(fmt.Sprintf("CreateTaskQueue operation failed. Error: %v", context.Canceled))
	for _, say := range []func(string, ...tag.Tag){l.Warn, l.Error, l.With(tag.WorkflowNamespace("default")).Error} {
		say("gone", tag.Error(gone))
		say("gone", tag.Operation("Poll"), tag.Error(context.Canceled))
	}
	assert.Empty(t, out.String())
	l.Error("broken", tag.Error(errors.New("disk is full")))
	l.Error("odd", tag.Operation("context canceled"))
	assert.Contains(t, out.String(), "disk is full")
	assert.Contains(t, out.String(), `"odd"`)
}
