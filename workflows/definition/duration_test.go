package definition

import (
	"errors"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT0S":            0,
		"PT1S":            time.Second,
		"PT0.5S":          500 * time.Millisecond,
		"PT0.000000001S":  1,
		"PT0.0000000019S": 1,
		"PT0.1S":          100 * time.Millisecond,
		"PT1.1H":          66 * time.Minute,
		"P1W":             7 * 24 * time.Hour,
		"P0.5D":           12 * time.Hour,
		"P1DT12H":         36 * time.Hour,
		"P1W2DT3H4M5S":    9*24*time.Hour + 3*time.Hour + 4*time.Minute + 5*time.Second,
		"PT90M":           90 * time.Minute,
		"PT9223372036S":   9223372036 * time.Second,
	} {
		got, err := ParseDuration(text)
		if got != want || err != nil {
			t.Errorf("%s: %v, %v; expected %v", text, got, err, want)
		}
	}
}

func TestParseDuration_Refused(t *testing.T) {
	for text, want := range map[string]error{
		"":               ErrDurationForm,
		"P":              ErrDurationForm,
		"PT":             ErrDurationForm,
		"P1DT":           ErrDurationForm,
		"1S":             ErrDurationForm,
		"pt1s":           ErrDurationForm,
		"-PT1S":          ErrDurationForm,
		"PT1,5S":         ErrDurationForm,
		"PT1S\n":         ErrDurationForm,
		"PT1S1M":         ErrDurationForm,
		"PT.5S":          ErrDurationForm,
		"5 minutes":      ErrDurationForm,
		"P1Y":            ErrDurationCalendar,
		"P1M":            ErrDurationCalendar,
		"P1Y2DT3H":       ErrDurationCalendar,
		"PT9223372037S":  ErrDurationRange,
		"P999999999999W": ErrDurationRange,
	} {
		if _, err := ParseDuration(text); !errors.Is(err, want) {
			t.Errorf("%q: %v; expected %v", text, err, want)
		}
	}
}
