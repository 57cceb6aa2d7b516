package definition

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestCheck_Findings holds what Check says of bad documents against the files
// below testdata/findings: a sentence, the document, the findings as printed.
// The flag -update writes them anew.
func TestCheck_Findings(t *testing.T) {
	files, err := filepath.Glob("testdata/findings/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/findings: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) { testFindings(t, file) })
	}
}

func testFindings(t *testing.T, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	document, want := archive.Files[0], &archive.Files[1]
	d, findings := Check(document.Name, document.Data)
	if (d == nil) != findings.HasErrors() {
		t.Errorf("definition %v beside findings %v", d, findings)
	}
	var got bytes.Buffer
	if err := findings.WritePlain(&got); err != nil {
		t.Fatal(err)
	}
	if *update {
		want.Data = got.Bytes()
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want.Data), got.String()); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}
