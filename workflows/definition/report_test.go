package definition

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var someFindings = Findings{
	{
		File: "flows/my flow.yaml", Line: 7, Column: 5, Severity: Error, Rule: "schema.unknown-property",
		Message: `task "x": unknown property "thne"`, Hint: `did you mean "then"?`, Reference: "/do/0/x/thne",
	},
	{File: "flows/my flow.yaml", Line: 9, Column: 1, Severity: Warning, Rule: "task.unreachable", Message: `task "y" is never reached`},
}

func TestFindings_WritePlain(t *testing.T) {
	var b bytes.Buffer
	if err := someFindings.WritePlain(&b); err != nil {
		t.Fatal(err)
	}
	equal(t, `flows/my flow.yaml:7:5: error: task "x": unknown property "thne" [schema.unknown-property]
    hint: did you mean "then"?
flows/my flow.yaml:9:1: warning: task "y" is never reached [task.unreachable]
`, b.String())
}

func TestFindings_WriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := someFindings.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back Findings
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	equal(t, someFindings, back)
	b.Reset()
	if err := Findings(nil).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	equal(t, "[]\n", b.String())
}

// TestFindings_WriteSARIF checks what the SARIF standard requires: the version,
// one run with its tool, and for every result a rule that the tool lists.
func TestFindings_WriteSARIF(t *testing.T) {
	var b bytes.Buffer
	if err := someFindings.WriteSARIF(&b); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	if err := d.Decode(&log); err != nil {
		t.Fatal(err)
	}
	equal(t, "2.1.0", log.Version)
	equal(t, 1, len(log.Runs))
	run := log.Runs[0]
	equal(t, "lazaret", run.Tool.Driver.Name)
	for i, result := range run.Results {
		rule := run.Tool.Driver.Rules[result.RuleIndex]
		equal(t, someFindings[i].Rule, rule.ID)
		equal(t, result.RuleID, rule.ID)
		equal(t, string(someFindings[i].Severity), result.Level)
		location := result.Locations[0].Physical
		equal(t, "flows/my%20flow.yaml", location.Artifact.URI)
		equal(t, someFindings[i].Line, location.Region.StartLine)
	}
	equal(t, `task "x": unknown property "thne" (did you mean "then"?)`, run.Results[0].Message.Text)
	equal(t, "/do/0/x/thne", run.Results[0].Locations[0].Logical[0].FullyQualifiedName)
}

// TestFindings_WriteSARIFEmpty holds that a clean log has results all the same:
// a log without them means that the tool did not run.
func TestFindings_WriteSARIFEmpty(t *testing.T) {
	var b bytes.Buffer
	if err := Findings(nil).WriteSARIF(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"results": []`) || !strings.Contains(b.String(), `"rules": []`) {
		t.Error(b.String())
	}
}

// TestRules_AreComplete checks that every rule of a golden finding is listed,
// and that every listed rule has a golden finding.
func TestRules_AreComplete(t *testing.T) {
	shown := map[string]bool{}
	files, _ := filepath.Glob("testdata/findings/*.txtar")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, findings := Check("x", archive.Files[0].Data)
		for _, f := range findings {
			shown[f.Rule] = true
			if describeRule(f.Rule) == f.Rule {
				t.Errorf("%s: rule %q is not listed", file, f.Rule)
			}
		}
	}
	for _, rule := range Rules() {
		if !strings.HasSuffix(rule.Name, "*") && !shown[rule.Name] && !neverShown[rule.Name] {
			t.Errorf("rule %q has no file in testdata/findings", rule.Name)
		}
	}
}

// neverShown are rules that a stricter one precedes: the schema sees a wrong
// duration and a lonely read first, and says all that does not fit by name.
var neverShown = map[string]bool{"schema.invalid": true, "schedule.read": true, "duration.invalid": true, "expression.size": true}

// TestFindings_HaveAPlace checks that no finding of the golden documents is
// without line and column, or outside its document.
func TestFindings_HaveAPlace(t *testing.T) {
	files, _ := filepath.Glob("testdata/findings/*.txtar")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(archive.Files[0].Data), "\n")
		_, findings := Check("x", archive.Files[0].Data)
		for _, f := range findings {
			if f.Line < 1 || f.Column < 1 || f.Line > len(lines) || f.Column > len(lines[f.Line-1])+1 {
				t.Errorf("%s: %v", file, f)
			}
		}
	}
	if _, err := os.Stat("testdata/findings"); err != nil {
		t.Fatal(err)
	}
}
