//go:build !nodevserver

package devserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// logger is the server's log.Logger over a zerolog.Logger. With copies it; the
// copies share hushed.
type logger struct {
	out    zerolog.Logger
	all    bool
	hushed *atomic.Bool
	tags   []tag.Tag
	fatal  func(error)
}

var (
	_ log.Logger     = (*logger)(nil)
	_ log.WithLogger = (*logger)(nil)
)

// newLogger returns a logger that reports a fatal message to fatal.
func newLogger(out zerolog.Logger, all bool, fatal func(error)) *logger {
	if !all {
		// Anyone on this machine can knock without a token as often as he likes.
		out = out.Sample(&zerolog.BurstSampler{Burst: 20, Period: 10 * time.Second})
	}
	return &logger{out: out, all: all, hushed: new(atomic.Bool), fatal: fatal}
}

// hush drops warnings and errors from now on. While the services stop one after another,
// each misses those that are gone, and says so.
func (l *logger) hush() { l.hushed.Store(true) }

// harmless are warnings that report a choice of ours.
var harmless = []string{
	// No Nexus over HTTP: nothing here calls it, and a port less is open.
	"HTTP API port has not been set. Nexus HTTP endpoints will not be available. " +
		"To enable Nexus, follow these instructions: https://github.com/temporalio/temporal/blob/main/docs/architecture/nexus.md#enabling-nexus.",
}

// Debug drops msg unless everything is asked for.
func (l *logger) Debug(msg string, tags ...tag.Tag) {
	if l.all {
		l.write(zerolog.DebugLevel, msg, tags)
	}
}

// Info drops msg unless everything is asked for.
func (l *logger) Info(msg string, tags ...tag.Tag) {
	if l.all {
		l.write(zerolog.InfoLevel, msg, tags)
	}
}

// Warn writes msg unless it is known to be harmless here.
func (l *logger) Warn(msg string, tags ...tag.Tag) {
	if l.all || !l.hushed.Load() && !slices.Contains(harmless, msg) && !givenUp(tags) {
		l.write(zerolog.WarnLevel, msg, tags)
	}
}

// givenUp tells a message about a request whose caller went away in the midst of it,
// as a worker's does that is stopped while it asks for the first time: nothing has
// failed. The server's errors keep but the text of what they are about.
func givenUp(tags []tag.Tag) bool {
	return slices.ContainsFunc(tags, func(t tag.Tag) bool {
		return t.Key() == "error" && strings.HasSuffix(fmt.Sprint(t.Value()), context.Canceled.Error())
	})
}

// Error writes msg, unless it is of a request that was given up.
func (l *logger) Error(msg string, tags ...tag.Tag) {
	if l.all || !l.hushed.Load() && !givenUp(tags) {
		l.write(zerolog.ErrorLevel, msg, tags)
	}
}

// DPanic writes msg and goes on: it panics in the server's own tests only.
func (l *logger) DPanic(msg string, tags ...tag.Tag) { l.write(zerolog.ErrorLevel, msg, tags) }

// Panic writes msg and panics with it.
func (l *logger) Panic(msg string, tags ...tag.Tag) {
	l.write(zerolog.ErrorLevel, msg, tags)
	panic(msg)
}

// Fatal reports msg and never returns: the server's code counts on not running
// on after it (it would touch what it just failed to make). Ending the process is
// not for a library to do, and ending the goroutine makes sync.OnceValue panic;
// so the goroutine stands still until the process ends.
func (l *logger) Fatal(msg string, tags ...tag.Tag) {
	l.fatal(fatalError(msg, tags))
	select {}
}

// With returns a logger that adds tags to every message.
func (l *logger) With(tags ...tag.Tag) log.Logger {
	copied := *l
	copied.tags = append(slices.Clip(l.tags), tags...)
	return &copied
}

func (l *logger) write(level zerolog.Level, msg string, tags []tag.Tag) {
	event := l.out.WithLevel(level)
	if !event.Enabled() {
		return
	}
	for _, t := range l.tags {
		event.Interface(t.Key(), t.Value())
	}
	for _, t := range tags {
		event.Interface(t.Key(), t.Value())
	}
	event.Msg(msg)
}

// fatalError makes one error of a fatal message and the error among its tags.
func fatalError(msg string, tags []tag.Tag) error {
	for _, t := range tags {
		if t.Key() == "error" {
			return fmt.Errorf("%s: %v", msg, t.Value())
		}
	}
	return errors.New(msg)
}
