package definition

import (
	"io"
	"net/url"
	"slices"
	"strings"
)

// The parts of SARIF 2.1.0 that findings fill.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string       `json:"id"`
		ShortDescription sarifMessage `json:"shortDescription"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
)

// WriteSARIF writes the findings as a SARIF 2.1.0 log, which code hosts show
// beside the lines. Columns count characters.
func (fs Findings) WriteSARIF(w io.Writer) error {
	rules := fs.rules()
	results := make([]sarifResult, len(fs))
	for i, f := range fs {
		results[i] = f.sarif(slices.Index(rules, f.Rule))
	}
	return writeIndented(w, sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs: []sarifRun{{
			Tool: sarifTool{Driver: sarifDriver{
				Name:           "lazaret",
				InformationURI: "https://lazaret.dev",
				Rules:          sarifRules(rules),
			}},
			ColumnKind: "unicodeCodePoints",
			Results:    results,
		}},
	})
}

// rules are the rules of the findings, each once, in order.
func (fs Findings) rules() []string {
	var rules []string
	for _, f := range fs {
		rules = append(rules, f.Rule)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

func sarifRules(names []string) []sarifRule {
	rules := make([]sarifRule, len(names))
	for i, name := range names {
		rules[i] = sarifRule{ID: name, ShortDescription: sarifMessage{Text: describeRule(name)}}
	}
	return rules
}

func (f Finding) sarif(rule int) sarifResult {
	text := f.Message
	if f.Hint != "" {
		text += " (" + f.Hint + ")"
	}
	location := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{URI: fileURI(f.File)}}}
	if f.Line > 0 {
		location.Physical.Region = &sarifRegion{StartLine: f.Line, StartColumn: max(f.Column, 1)}
	}
	if f.Reference != "" {
		location.Logical = []sarifLogical{{FullyQualifiedName: f.Reference}}
	}
	return sarifResult{
		RuleID: f.Rule, RuleIndex: rule, Level: string(f.Severity),
		Message: sarifMessage{Text: text}, Locations: []sarifLocation{location},
	}
}

// fileURI is a path as a URI reference, relative where the path is.
func fileURI(file string) string {
	return (&url.URL{Path: strings.ReplaceAll(file, `\`, "/")}).String()
}
