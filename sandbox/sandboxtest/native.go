package sandboxtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// written is the architecture whose system-call numbers are in the scripts of tests.
var written = seccomp.X86

var (
	numbered = regexp.MustCompile(`\b(call|syscall)\(([0-9]+)\b`)
	only     = regexp.MustCompile(`(?m)^# only: (\S+)$`)
)

// Here is [Native] for this machine. Without a table for it there is no sandbox to run in.
func Here(script string) string {
	a, err := seccomp.Native()
	if err != nil {
		return script
	}
	return Native(script, a)
}

// Corpus are the files of a corpus whose scripts are [For] this machine.
func Corpus(pattern string) ([]string, error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	a, err := seccomp.Native()
	if err != nil {
		return files, nil //nolint:nilerr // a machine without a table runs none of them
	}
	var here []string
	for _, file := range files {
		script, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if For(string(script), a) {
			here = append(here, file)
		}
	}
	return here, nil
}

// Native is a script of the tests for an architecture: with the numbers that its system calls
// have there, in place of those that they have on x86-64. A number that no call has stays.
// Without the call there, its script must say that it is not [For] the architecture.
func Native(script string, a seccomp.Arch) string {
	return numbered.ReplaceAllStringFunc(script, func(text string) string {
		opening, digits, _ := strings.Cut(text, "(")
		number, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return text
		}
		here, ok := a.Number(written.Name(uint32(number)))
		if !ok {
			return text
		}
		return opening + "(" + strconv.FormatUint(uint64(here), 10)
	})
}

// For says whether a script is about something that the architecture has: a script whose
// line "# only: GOARCH" names another is not.
func For(script string, a seccomp.Arch) bool {
	m := only.FindStringSubmatch(script)
	return m == nil || m[1] == a.GOARCH
}
