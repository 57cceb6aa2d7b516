package definition

import "golang.org/x/mod/semver"

// Latest is the version that names the newest one at hand.
const Latest = "latest"

// Names tells whether the task runs the definition with that identity.
func (w *RunWorkflow) Names(d Document) bool {
	return w.Namespace == d.Namespace && w.Name == d.Name && (w.Version == Latest || w.Version == d.Version)
}

// CompareVersions orders two semantic versions: negative when a is older than
// b. What is no version is older than every version.
func CompareVersions(a, b string) int { return semver.Compare("v"+a, "v"+b) }
