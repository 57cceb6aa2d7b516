package definition

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"time"
)

// Errors of ParseDuration that callers tell apart.
var (
	// ErrDurationForm is a string that is no ISO 8601 duration.
	ErrDurationForm = errors.New("not an ISO 8601 duration such as PT15M or P1DT12H")
	// ErrDurationCalendar is a duration in years or months, whose length
	// depends on the day from which it counts.
	ErrDurationCalendar = errors.New("years and months have no fixed length; write days")
	// ErrDurationRange is a duration of more than about 292 years.
	ErrDurationRange = errors.New("longer than 292 years")
)

const isoAmount = `([0-9]+(?:\.[0-9]+)?)`

// isoDuration has one group a component, in the order of isoUnits.
var isoDuration = regexp.MustCompile(`^P(?:` + isoAmount + `Y)?(?:` + isoAmount + `M)?(?:` + isoAmount + `W)?(?:` + isoAmount + `D)?` +
	`(T(?:` + isoAmount + `H)?(?:` + isoAmount + `M)?(?:` + isoAmount + `S)?)?$`)

// isoUnits is the length of each group of isoDuration; 0 has none of its own.
var isoUnits = [...]time.Duration{0, 0, 7 * 24 * time.Hour, 24 * time.Hour, 0, time.Hour, time.Minute, time.Second}

const (
	yearGroup, monthGroup, timeGroup = 1, 2, 5
	// maxDuration bounds the text, whose amounts are read exactly.
	maxDuration = 200
)

// ParseDuration reads an ISO 8601 duration exactly, cut to the nanosecond. A
// day is 24 hours and a week seven days. The designators are upper case and
// there is no sign, as in the DSL's schema.
func ParseDuration(s string) (time.Duration, error) {
	groups := isoDuration.FindStringSubmatch(s)
	if groups == nil || len(s) > maxDuration || s == "P" || groups[timeGroup] == "T" {
		return 0, fmt.Errorf("duration %q: %w", preview(s), ErrDurationForm)
	}
	if groups[yearGroup] != "" || groups[monthGroup] != "" {
		return 0, fmt.Errorf("duration %q: %w", preview(s), ErrDurationCalendar)
	}
	total := new(big.Rat)
	for i, unit := range isoUnits {
		if unit == 0 || groups[i+1] == "" {
			continue
		}
		amount, _ := new(big.Rat).SetString(groups[i+1])
		total.Add(total, amount.Mul(amount, new(big.Rat).SetInt64(int64(unit))))
	}
	nanoseconds := new(big.Int).Quo(total.Num(), total.Denom())
	if !nanoseconds.IsInt64() {
		return 0, fmt.Errorf("duration %q: %w", preview(s), ErrDurationRange)
	}
	return time.Duration(nanoseconds.Int64()), nil
}

// durationParts are the properties of a duration object.
var durationParts = []struct {
	name string
	unit time.Duration
}{
	{"days", 24 * time.Hour},
	{"hours", time.Hour},
	{"minutes", time.Minute},
	{"seconds", time.Second},
	{"milliseconds", time.Millisecond},
}

// addPart is total plus amount units.
func addPart(total time.Duration, amount int, unit time.Duration) (time.Duration, error) {
	if amount > math.MaxInt64/int(unit) {
		return 0, ErrDurationRange
	}
	sum := total + time.Duration(amount)*unit
	if sum < total {
		return 0, ErrDurationRange
	}
	return sum, nil
}
