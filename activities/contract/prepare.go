package contract

// Activity types of what a script needs before it runs. Their results stand in
// history, so that every later attempt, on any worker, has the same.
const (
	FetchScript  = "script.fetch"
	LockPackages = "python.lock"
)

// RemoteScript is a script that the definition does not hold itself.
type RemoteScript struct {
	URL    string `json:"url"`
	SHA256 string `json:"sha256,omitempty"` // hex; of a process: what was fetched, of a fetch: its pin
}

// ScriptFetch asks for a remote script to be fetched and kept.
type ScriptFetch struct {
	Task   TaskID       `json:"task"`
	Script RemoteScript `json:"script"`
}

// FetchedScript names a script's bytes.
type FetchedScript struct {
	SHA256 string `json:"sha256"`
	Size   int    `json:"size"`
	Policy string `json:"policy,omitempty"` // digest of the policy that decided
}

// PackageRequest asks which packages, exactly, a Python script is to have.
type PackageRequest struct {
	Task            TaskID   `json:"task"`
	Version         string   `json:"version,omitempty"` // of Python; the worker's own when empty
	Packages        []string `json:"packages,omitempty"`
	RequirementsURL string   `json:"requirementsUrl,omitempty"`
}

// PackageLock lists packages by version and hash, in the form of pip's requirements.
type PackageLock struct {
	Lock   string `json:"lock"`
	SHA256 string `json:"sha256"`
	Policy string `json:"policy,omitempty"` // digest of the policy that decided
}
