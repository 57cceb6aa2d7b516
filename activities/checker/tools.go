package checker

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

const (
	analyzedScript = "/lazaret/script.py"
	maxAnalysis    = time.Minute
)

// tools are the analyzers of Debian's packages, and semgrep where it was
// installed as one of the system's programs.
var tools = []tool{
	{
		name: "bandit", program: "/usr/bin/bandit", install: "apt-get install bandit", level: policies.Maximum,
		// A script must not switch off its own examination: nosec does not count.
		arguments: func(Script) []string {
			return []string{"--quiet", "--ignore-nosec", "--format", "json", analyzedScript}
		},
		codes:  []int{0, 1},
		decode: decodeBandit,
	},
	{
		name: "pylint", program: "/usr/bin/pylint", install: "apt-get install pylint", level: policies.Standard,
		arguments: pylintArguments,
		codes:     []int{0, 2, 4, 6}, // bits: 2 error, 4 warning
		decode:    decodePylint,
	},
	{
		name: "semgrep", program: "/usr/bin/semgrep", install: "see https://semgrep.dev/docs/getting-started", level: policies.Standard,
		arguments: func(Script) []string {
			return []string{"scan", "--json", "--quiet", "--metrics=off", "--disable-version-check", "--disable-nosem", "--config", "/lazaret/semgrep.yaml", analyzedScript}
		},
		files:  []sandbox.File{{Path: "/lazaret/semgrep.yaml", Content: []byte(semgrepRules)}},
		codes:  []int{0, 1},
		decode: decodeSemgrep,
	},
}

// pylintArguments leave out matters of taste, and name the variables that the
// script gets from its arguments.
func pylintArguments(script Script) []string {
	arguments := []string{"--jobs=1", "--persistent=n", "--rcfile=/dev/null", "--output-format=json", "--disable=all", "--enable=E,F,W0122,W0123,I0013"}
	if len(script.Arguments) > 0 {
		arguments = append(arguments, "--additional-builtins="+strings.Join(script.Arguments, ","))
	}
	return append(arguments, analyzedScript)
}

// unread is the finding of a tool that says, or by its silence means, that it has not
// read the script, or not all of it: what was not looked at has not been found harmless.
func unread(tool, why string) Finding {
	return Finding{Rule: tool + ".unread", Message: tool + " did not read the whole script: " + why, Line: 1, Column: 1, Response: policies.Refuse}
}

// errNoResults is an answer without the member that every report has.
var errNoResults = errors.New("it has no results")

// decodeBandit: what bandit calls medium or high blocks, such as B102 (exec) and
// B307 (eval). A script that it cannot parse it passes over, with exit code 0.
func decodeBandit(output []byte) ([]Finding, error) {
	var report struct {
		Errors []struct {
			Reason string `json:"reason"`
		} `json:"errors"`
		Results *[]struct {
			Test     string `json:"test_id"`
			Severity string `json:"issue_severity"`
			Text     string `json:"issue_text"`
			Line     int    `json:"line_number"`
			Column   int    `json:"col_offset"`
		} `json:"results"`
	}
	if err := json.Unmarshal(output, &report); err != nil {
		return nil, err
	}
	if report.Results == nil {
		return nil, errNoResults
	}
	var findings []Finding
	for _, e := range report.Errors {
		findings = append(findings, unread("bandit", e.Reason))
	}
	for _, r := range *report.Results {
		findings = append(findings, Finding{
			Rule: "bandit." + r.Test, Message: r.Text, Line: r.Line, Column: r.Column + 1,
			Response: responseTo(r.Severity == "HIGH" || r.Severity == "MEDIUM"),
		})
	}
	return findings, nil
}

// decodePylint: errors block; of its warnings only those about eval and exec
// were asked for, which block as well, as does a comment that has it skip the script.
func decodePylint(output []byte) ([]Finding, error) {
	var report []struct {
		ID      string `json:"message-id"`
		Symbol  string `json:"symbol"`
		Message string `json:"message"`
		Line    int    `json:"line"`
		Column  int    `json:"column"`
	}
	if err := json.Unmarshal(output, &report); err != nil {
		return nil, err
	}
	if report == nil {
		return nil, errNoResults
	}
	var findings []Finding
	for _, r := range report {
		findings = append(findings, Finding{
			Rule: "pylint." + r.ID, Message: fmt.Sprintf("%s (%s)", firstLine(r.Message), r.Symbol),
			Line: r.Line, Column: r.Column + 1, Response: policies.Refuse,
		})
	}
	return findings, nil
}

// semgrepRules stand in for semgrep's registry, which a sandbox does not reach.
const semgrepRules = `rules:
  - id: code-from-text
    languages: [python]
    severity: ERROR
    message: code made from text
    pattern-either: [{pattern: eval(...)}, {pattern: exec(...)}, {pattern: compile(...)}]
  - id: other-programs
    languages: [python]
    severity: ERROR
    message: another program is started
    pattern-either: [{pattern: os.system(...)}, {pattern: os.popen(...)}, {pattern: subprocess.$F(...)}]
`

// decodeSemgrep reads the JSON of semgrep 1.x (semgrep_output_v1). What semgrep skips or
// cannot parse is no result; it is in errors, or not among the paths that it scanned.
func decodeSemgrep(output []byte) ([]Finding, error) {
	var report struct {
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
		Paths struct {
			Scanned []string `json:"scanned"`
		} `json:"paths"`
		Results *[]struct {
			Check string `json:"check_id"`
			Start struct {
				Line   int `json:"line"`
				Column int `json:"col"`
			} `json:"start"`
			Extra struct {
				Message  string `json:"message"`
				Severity string `json:"severity"`
			} `json:"extra"`
		} `json:"results"`
	}
	if err := json.Unmarshal(output, &report); err != nil {
		return nil, err
	}
	if report.Results == nil {
		return nil, errNoResults
	}
	var findings []Finding
	for _, e := range report.Errors {
		findings = append(findings, unread("semgrep", firstLine(e.Message)))
	}
	if len(findings) == 0 && !slices.Contains(report.Paths.Scanned, analyzedScript) {
		findings = append(findings, unread("semgrep", "it is not among the files that it scanned"))
	}
	for _, r := range *report.Results {
		findings = append(findings, Finding{
			Rule: "semgrep." + r.Check[strings.LastIndexByte(r.Check, '.')+1:], Message: r.Extra.Message,
			Line: r.Start.Line, Column: r.Start.Column, Response: responseTo(r.Extra.Severity == "ERROR"),
		})
	}
	return findings, nil
}

func responseTo(severe bool) policies.Response {
	if severe {
		return policies.Refuse
	}
	return policies.Warn
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
