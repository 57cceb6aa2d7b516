package definition

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCheck_SpecificationExamples takes each of the specification's examples
// unchanged: it is accepted, or refused for a reason at a place, as
// testdata/spec-examples.txt says. The flag -update writes that file anew, which
// is right when a kind of task has come.
func TestCheck_SpecificationExamples(t *testing.T) {
	const expected = "testdata/spec-examples.txt"
	files, err := filepath.Glob(filepath.Join(specDir(t), "examples", "*.yaml"))
	if err != nil || len(files) != 68 {
		t.Fatalf("%d examples, %v; expected 68", len(files), err)
	}
	slices.Sort(files)
	var got bytes.Buffer
	accepted := 0
	for _, file := range files {
		name := filepath.Base(file)
		d, findings := Check(name, []byte(readFile(t, file)))
		verdict := "refused"
		if d != nil {
			verdict = "accepted"
			accepted++
		}
		fmt.Fprintf(&got, "%s: %s\n", strings.TrimSuffix(name, ".yaml"), verdict)
		for _, f := range findings.Errors() {
			fmt.Fprintf(&got, "    %d:%d: %s [%s]\n", f.Line, f.Column, f.Message, f.Rule)
		}
	}
	t.Logf("%d of %d accepted", accepted, len(files))
	if *update {
		if err := os.WriteFile(expected, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(readFile(t, expected), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
