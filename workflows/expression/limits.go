package expression

// The bounds of one evaluation. All of them are counted, none is timed, so that
// a replay stops where the first run stopped.
const (
	// StepBudget is how many steps one expression may take: one a virtual machine
	// instruction, more for an instruction whose work grows with its data (about
	// one per 64 bytes it copies, one per value it visits). Measured, the whole
	// budget is a quarter to half a second of one core.
	StepBudget = 5_000_000
	// MaxSize is the largest result in bytes: text, keys and eight for each value.
	// It also bounds any string that an expression builds on its way.
	MaxSize = 8 << 20
	// MaxDepth is how deep a result or a decoded value may nest.
	MaxDepth = 512
	// MaxDigits is the longest number literal, in bytes.
	MaxDigits = 4096
	// MaxSource is the longest expression, in bytes.
	MaxSource = 64 << 10
)

const (
	maxBits = 16 << 10 // a big integer's width in arithmetic: more than MaxDigits decimal digits
	maxWalk = 10_000   // the depth at which a deep operation gives up; encoding/json's own limit
)
