package policies

import "lazaret.dev/lazaret/sandbox/seccomp"

// opening permits to open files. Which can be opened, and how, is the mounts' and
// Landlock's business, since a filter does not see paths; what is tried in vain
// is the supervisor's to see.
var opening = []seccomp.Rule{
	seccomp.Call(seccomp.Watch, "open", "openat").Because("files of the host are to be seen when a script looks for them"),
}
