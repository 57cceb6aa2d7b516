package contract

// TaskQueue is where every execution and activity waits for a worker.
const TaskQueue = "lazaret"

// Activity types, named as the DSL names the task's kind.
const (
	RunScript = "run.script"
	RunShell  = "run.shell"
)

// Detached is the workflow type of a process whose task does not await it.
const Detached = "lazaret.detached"

// StateQuery answers with the execution's State.
const StateQuery = "state"

// Search attributes of every execution.
const (
	AttributeDefinition = "LazaretDefinition" // Keyword: namespace/name
	AttributeVersion    = "LazaretVersion"    // Keyword
	AttributeDigest     = "LazaretDigest"     // Keyword: SHA-256 of the source, hex
	AttributeLevel      = "LazaretLevel"      // Keyword: the level asked for; empty when none was
	AttributeState      = "LazaretState"      // Keyword: running, awaiting approval, completed, faulted, cancelled
	AttributeViolations = "LazaretViolations" // Int
)

// MaxPayload bounds, in bytes of JSON, what one activity, child or execution is
// given or gives back. Temporal refuses blobs over 2 MiB; the rest is headroom
// for what travels beside the data.
const MaxPayload = 2<<20 - 64<<10
