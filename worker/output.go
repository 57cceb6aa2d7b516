package worker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// outputFlag adds --output to a command that prints a result.
func (a *app) outputFlag(cmd *cobra.Command) {
	cmd.Flags().StringP("output", "o", "json", "print the result as json or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
}

// checkFlags refuses what the shared flags cannot mean.
func (a *app) checkFlags() error {
	if a.output != "" && a.output != "json" && a.output != "yaml" {
		return invalid("use json or yaml", "--output %q is unknown", a.output)
	}
	return a.checkLogFlags()
}

// printResult writes a JSON value to stdout; numbers stay as they are written.
func (a *app) printResult(value json.RawMessage) error {
	if a.output == "yaml" {
		return writeYAML(a.stdout, value)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, value, "", "  "); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	indented.WriteByte('\n')
	_, err := a.stdout.Write(indented.Bytes())
	return err
}

// writeYAML goes through YAML's own reader, of which JSON is a part, so that
// big numbers and the order of members survive.
func writeYAML(w io.Writer, value json.RawMessage) error {
	var node yaml.Node
	if err := yaml.Unmarshal(value, &node); err != nil {
		return fmt.Errorf("result as yaml: %w", err)
	}
	plain(&node)
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(&node); err != nil {
		return fmt.Errorf("result as yaml: %w", err)
	}
	return encoder.Close()
}

// plain drops JSON's braces and quotes; the encoder quotes again where it must.
func plain(node *yaml.Node) {
	if node.Kind != yaml.ScalarNode || !otherwise.MatchString(node.Value) {
		node.Style = 0
	}
	for _, inner := range node.Content {
		plain(inner)
	}
}

// otherwise is text that YAML 1.1, still widely read, takes for a boolean or a
// number to the base of 60.
var otherwise = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|[-+]?[0-9_]+(:[0-5]?[0-9])+(\.[0-9_]*)?)$`)

// printJSON writes any value as a result.
func (a *app) printJSON(v any) error {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return a.printResult(bytes.TrimSpace(data.Bytes()))
}

// screen is stdout for what people read. Reasons, names and ids come from whoever
// could write them: what would drive a terminal is written as Go escapes it.
func (a *app) screen() io.Writer { return screen{a.stdout} }

type screen struct{ io.Writer }

// Write takes whole characters.
func (s screen) Write(text []byte) (int, error) {
	var shown []byte
	for _, r := range string(text) {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			shown = append(shown, string(r)...)
			continue
		}
		quoted := strconv.QuoteRune(r)
		shown = append(shown, quoted[1:len(quoted)-1]...)
	}
	if _, err := s.Writer.Write(shown); err != nil {
		return 0, err
	}
	return len(text), nil
}

// oneLine keeps a text from passing for further lines, or columns, of what is printed.
func oneLine(text string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(text)
}
