package worker

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/term"
)

// logger writes to stderr: JSON lines, or text for people. Unless --log-level
// says otherwise, it drops what is below least.
func (a *app) logger(least zerolog.Level) zerolog.Logger {
	if level, err := zerolog.ParseLevel(a.logLevel); err == nil && a.logLevel != "" {
		least = level
	}
	if a.logFormat == "json" || a.logFormat == "auto" && !isTerminal(a.stderr) {
		return zerolog.New(a.stderr).Level(least).With().Timestamp().Logger()
	}
	console := zerolog.ConsoleWriter{Out: a.stderr, TimeFormat: time.TimeOnly, NoColor: !isTerminal(a.stderr)}
	return zerolog.New(console).Level(least).With().Timestamp().Logger()
}

// checkLogFlags refuses what logger would have to guess.
func (a *app) checkLogFlags() error {
	switch a.logFormat {
	case "auto", "console", "json":
	default:
		return invalid("use auto, console or json", "--log-format %q is unknown", a.logFormat)
	}
	if a.logLevel == "" {
		return nil
	}
	if _, err := zerolog.ParseLevel(a.logLevel); err != nil {
		return invalid("use debug, info, warn or error", "--log-level %q is unknown", a.logLevel)
	}
	return nil
}

// isTerminal tells whether a stream is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// temporalLog lets the SDK write to a zerolog logger.
type temporalLog struct{ log zerolog.Logger }

func temporalLogger(l zerolog.Logger) log.Logger { return temporalLog{l} }

func (t temporalLog) Debug(msg string, keyvals ...any) { t.log.Debug().Fields(keyvals).Msg(msg) }
func (t temporalLog) Info(msg string, keyvals ...any)  { t.log.Info().Fields(keyvals).Msg(msg) }

func (t temporalLog) Warn(msg string, keyvals ...any) { t.trouble(zerolog.WarnLevel, msg, keyvals) }

func (t temporalLog) Error(msg string, keyvals ...any) { t.trouble(zerolog.ErrorLevel, msg, keyvals) }

// trouble logs at its level, but not that an activity ended because its
// execution was cancelled, or a poll because its worker stops, which is as it should be.
func (t temporalLog) trouble(level zerolog.Level, msg string, keyvals []any) {
	if slices.ContainsFunc(keyvals, isCancellation) {
		level = zerolog.DebugLevel
	}
	t.log.WithLevel(level).Fields(keyvals).Msg(msg)
}

func isCancellation(v any) bool {
	err, ok := v.(error)
	if !ok {
		return false
	}
	_, given := errors.AsType[*serviceerror.Canceled](err) // as a call says it
	return given || errors.Is(err, context.Canceled) || temporal.IsCanceledError(err)
}
