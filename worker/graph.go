package worker

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/worker/diagram"
)

func (a *app) graphCommand() *cobra.Command {
	var format, out string
	cmd := &cobra.Command{
		Use:   "graph FILE",
		Short: "Draw a definition as Mermaid or SVG",
		Long: `Graph draws the tasks of a definition and where the flow goes between them: as
Mermaid text, which Markdown viewers show, or as an SVG image. The definition is
checked first; nothing runs.`,
		Example: `  lazaret graph nightly.yaml
  lazaret graph nightly.yaml --format svg --out nightly.svg`,
		Args: exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error { return a.graph(args[0], format, out) },
	}
	cmd.Flags().StringVar(&format, "format", "mermaid", "draw as mermaid or svg")
	cmd.Flags().StringVarP(&out, "out", "o", "", "write to this file instead of stdout")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"mermaid", "svg"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) graph(file, format, out string) error {
	write, known := map[string]func(*diagram.Diagram, io.Writer) error{
		"mermaid": (*diagram.Diagram).WriteMermaid,
		"svg":     (*diagram.Diagram).WriteSVG,
	}[format]
	if !known {
		return invalid("use mermaid or svg", "--format %q is unknown", format)
	}
	def, _, err := a.loadOne(file)
	if err != nil {
		return err
	}
	var picture bytes.Buffer
	if err := write(diagram.New(def), &picture); err != nil {
		return err
	}
	if out == "" {
		_, err = a.stdout.Write(picture.Bytes())
		return err
	}
	if err := os.WriteFile(out, picture.Bytes(), 0o644); err != nil { //nolint:gosec // a picture for others to see
		return invalid("", "--out %s: %w", out, unwrapPath(err))
	}
	fmt.Fprintf(a.stderr, "wrote %s\n", out)
	return nil
}
