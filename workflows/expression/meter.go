package expression

import (
	"fmt"
	"math/bits"
	"time"
)

// meter counts the steps of one evaluation. gojq asks a context for Done before
// every instruction, so the meter is that context: it counts the calls and says
// "done" when nothing is left. No clock takes part.
type meter struct {
	left    int
	now     float64
	weights map[string]int // of regular expressions: their instructions
}

// spent is a channel that is always ready: gojq stops on it and no try catches it.
var spent = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (m *meter) Done() <-chan struct{} {
	if m.left--; m.left < 0 {
		return spent
	}
	return nil
}

func (m *meter) Err() error {
	if m.left < 0 {
		return errSpent
	}
	return nil
}

func (*meter) Deadline() (time.Time, bool) { return time.Time{}, false }
func (*meter) Value(any) any               { return nil }

// limitError is a bound of limits.go that was hit. Its text holds no data.
type limitError string

func (e limitError) Error() string { return string(e) }

var errSpent = limitError(fmt.Sprintf("exceeded %d steps", StepBudget))

// spend takes all that is left and says so.
func (m *meter) spend() error {
	m.left = -1
	return errSpent
}

// charge takes n steps. Once nothing is left gojq stops at its next
// instruction, even when the program catches the error returned here.
func (m *meter) charge(n int) error {
	if n < 0 || n > m.left {
		return m.spend()
	}
	m.left -= n
	return nil
}

// times takes a*b steps.
func (m *meter) times(a, b int) error {
	high, low := bits.Mul64(uint64(max(a, 0)), uint64(max(b, 0)))
	if high != 0 || low > StepBudget {
		return m.spend()
	}
	return m.charge(int(low))
}

// flat is the price of copying v without looking into what it holds.
func flat(v any) int {
	switch v := v.(type) {
	case string:
		return len(v) / 64
	case []any:
		return len(v) / 4
	case map[string]any:
		return len(v)
	}
	return 0
}

// deep charges for visiting everything in v, as often as it is reachable: a
// value shared a million times costs a million visits here, as it would in the
// operation that follows. Beyond maxWalk levels nothing is left either: map order
// must not decide which of two bounds a value hits first.
func (m *meter) deep(v any, depth int) error {
	if m.left--; m.left < 0 || depth > maxWalk {
		return m.spend()
	}
	switch v := v.(type) {
	case string:
		return m.charge(len(v) / 64)
	case []any:
		for _, item := range v {
			if err := m.deep(item, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, item := range v {
			if err := m.charge(1 + len(key)/64); err != nil {
				return err
			}
			if err := m.deep(item, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
