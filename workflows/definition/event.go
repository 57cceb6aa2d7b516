package definition

import (
	"regexp"

	"lazaret.dev/lazaret/workflows/expression"
)

// Read is what of an event a listen gives.
type Read string

// The forms of listen.read.
const (
	ReadData     Read = "data"     // the payload, decoded
	ReadEnvelope Read = "envelope" // the attributes, with the payload as data
	ReadRaw      Read = "raw"      // the payload as text, as it came
)

// Mix is how many of a strategy's filters must have had an event.
type Mix string

// The event consumption strategies.
const (
	One Mix = "one" // its only filter, once
	Any Mix = "any" // any of them; without filters, every event is meant
	All Mix = "all" // each of them, in any order
)

// Strategy says which events are awaited, and when enough have come. Without
// Until and UntilEvents, an Any ends with its first event.
type Strategy struct {
	Mix         Mix
	Filters     []EventFilter
	Until       *expression.Expression // of what was read so far, an array
	UntilEvents *Strategy              // whose events are not part of the output; it has no until of its own
}

// EventFilter matches the events that have every attribute it names, and whose
// correlation values agree.
type EventFilter struct {
	With      []AttributeFilter // in document order
	Correlate []Correlation     // in document order
}

// AttributeFilter matches one attribute, or the payload under the name data.
type AttributeFilter struct {
	Name string
	// Literal is what an event must have; it counts while Value is nil.
	Literal any
	// Pattern is Literal as a regular expression over the whole attribute; nil
	// where it does not look like one.
	Pattern *regexp.Regexp
	// Value has expressions in it: on the attribute, each yields a boolean that
	// decides, or what the attribute must be.
	Value *expression.Template
}

// Correlation is a value that all events of a listen must share.
type Correlation struct {
	Name string
	From *expression.Expression // on the event's envelope
	// Expect yields what the value must be; nil with an empty Constant: what the
	// first event had.
	Expect   *expression.Expression
	Constant *string
}

// EventLoop is what happens with each event that a listen takes.
type EventLoop struct {
	Item, At string // variable names, without "$"
	Do       TaskList
	Output   Output
	Export   Export
}
