package contract

// FetchFunction is the activity type that gets a function which the definition
// does not hold. Its result stands in history: later tasks, attempts and runs of
// the execution have the same.
const FetchFunction = "function.fetch"

// MaxFunction bounds the document of a function, in bytes.
const MaxFunction = 256 << 10

// FunctionFetch asks for the document of a function.
type FunctionFetch struct {
	Task TaskID `json:"task"`
	URL  string `json:"url"`
}

// FetchedFunction is the document of a function.
type FetchedFunction struct {
	Document string `json:"document"`
	SHA256   string `json:"sha256"`           // of Document, hex
	Policy   string `json:"policy,omitempty"` // digest of the policy that decided
}
