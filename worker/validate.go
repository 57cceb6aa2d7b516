package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/definition"
)

// validateFlags are what validate takes.
type validateFlags struct {
	format, level string
	given         string // level, if the command line has it
	analyzers     []string
}

func (a *app) validateCommand() *cobra.Command {
	var flags validateFlags
	var library []string
	cmd := &cobra.Command{
		Use:   "validate FILE…",
		Short: "Check definitions without running them",
		Long: `Validate checks schema, integrity, expressions and scripts: their syntax, and
what their sandbox level refuses. Each finding is one line, FILE:LINE:COLUMN:
message [rule], with a hint where there is one. A FILE of - is standard
input.

With --policy it also tells what that policy would refuse of what is written out:
hosts, secrets, operations on virtual machines, types of events, packages and
modules, levels, each with the policy's line that decides. What an expression
yields is not known before the run.

It exits with 0 when there is no error (warnings are allowed), with 3 when the
policy alone refuses something, else with 2.`,
		Example: `  lazaret validate nightly.yaml
  lazaret validate tools.yaml --level standard
  lazaret validate tools.yaml --policy policy.yaml
  lazaret validate nightly.yaml --analyzer bandit
  lazaret validate nightly.yaml --python 3.12=/opt/python/bin/python3.12
  lazaret validate workflows/*.yaml --output sarif > findings.sarif`,
		Args: files,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("level") {
				flags.given = flags.level
			}
			if err := a.checkPolicyFlags(false); err != nil {
				return err
			}
			return a.validate(cmd.Context(), args, flags)
		},
	}
	cmd.Flags().StringVarP(&flags.format, "output", "o", "plain", "print findings as plain, json or sarif")
	cmd.Flags().StringArrayVarP(&library, "definition", "d", nil, "accepted as by run; files given are checked by themselves")
	cmd.Flags().StringVar(&flags.level, "level", policies.Maximum.String(), "sandbox level for which scripts are checked")
	cmd.Flags().StringArrayVar(&flags.analyzers, "analyzer", nil, "have scripts read by "+strings.Join(checker.AnalyzerNames(), ", ")+" as well")
	a.pythonFlag(cmd)
	a.pythonAllowFlag(cmd)
	a.allowDegradedFlag(cmd)
	a.policyFlag(cmd)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"plain", "json", "sarif"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) validate(ctx context.Context, files []string, flags validateFlags) error {
	write, err := a.findingsWriter(flags.format)
	if err != nil {
		return err
	}
	level, err := policies.ParseLevel(flags.level)
	if err != nil {
		return invalid("", "--%w", err)
	}
	if _, err := a.degradations(); err != nil {
		return err
	}
	if err := checkAnalyzers(flags.analyzers); err != nil {
		return err
	}
	if _, err := a.pythons(); err != nil {
		return err
	}
	policy, err := a.givenPolicy()
	if err != nil {
		return err
	}
	terms := scriptTerms{level: level, granted: a.pythonAllow}
	findings := definition.Findings{}
	for _, file := range files {
		file, text, err := a.definitionText(file)
		if err != nil {
			return err
		}
		def, found := definition.Check(file, text)
		findings = append(findings, found...)
		if def != nil {
			about, err := a.about(ctx, file, def, policy, terms, flags.given)
			if err != nil {
				return err
			}
			findings = append(findings, about...)
			findings = append(findings, a.analyzerFindings(ctx, file, def, flags.analyzers)...)
		}
	}
	findings = definition.OncePerPlace(findings)
	if err := write(findings); err != nil {
		return err
	}
	if findings.HasErrors() {
		a.announceDangers(findings.Errors())
		return &exitError{code: a.validateCode(findings.Errors()), err: errors.New("invalid"), quiet: true}
	}
	if flags.format == "plain" {
		fmt.Fprintf(a.stderr, "%d of %d files are valid\n", len(files), len(files))
	}
	return nil
}

// about is what is wrong with a definition beyond its document: under the level, and
// under the policy if there is one.
func (a *app) about(ctx context.Context, file string, def *definition.Definition, p *policies.Policy, terms scriptTerms, level string) (definition.Findings, error) {
	signature, err := readSignature(file)
	if err != nil {
		return nil, err
	}
	id := identityOf(def, signature)
	terms = terms.under(p, id, level)
	f, err := foresee(file, def, p, id, level)
	if err != nil {
		return nil, err
	}
	terms.foresight = f
	levels := a.levelFindings(file, def, terms.level)
	scripts := a.scriptFindings(ctx, file, def, terms)
	if f == nil {
		return append(levels, scripts...), nil
	}
	all := slices.Concat(f.explained(levels), f.explained(scripts), f.look())
	slices.SortStableFunc(all, func(a, b definition.Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return all, nil
}

// validateCode tells what the policy refuses from what is wrong under any.
func (a *app) validateCode(errs definition.Findings) int {
	refused := func(f definition.Finding) bool { return strings.HasPrefix(f.Rule, "policy.") || refusal(f) }
	if a.policy.file == "" || slices.ContainsFunc(errs, func(f definition.Finding) bool { return !refused(f) }) {
		return exitInvalid
	}
	return exitRefused
}

// findingsWriter is for stdout: findings are this command's result.
func (a *app) findingsWriter(format string) (func(definition.Findings) error, error) {
	switch format {
	case "plain":
		return func(fs definition.Findings) error { return fs.WritePlain(a.stdout) }, nil
	case "json":
		return func(fs definition.Findings) error { return fs.WriteJSON(a.stdout) }, nil
	case "sarif":
		return func(fs definition.Findings) error { return fs.WriteSARIF(a.stdout) }, nil
	}
	return nil, invalid("use plain, json or sarif", "--output %q is unknown", format)
}

// levelFindings refuse a definition whose metadata asks for a weaker level than it
// has (A24).
func (a *app) levelFindings(file string, def *definition.Definition, level policies.Level) definition.Findings {
	var findings definition.Findings
	look := func(metadata map[string]any, pointer string) {
		asked := definition.SandboxLevel(metadata)
		if asked == "" {
			return
		}
		wanted, err := policies.ParseLevel(asked)
		switch {
		case err != nil:
			findings = append(findings, def.FindingAt(file, pointer, "policy.level", "", "metadata sandbox.level: "+err.Error()))
		case level != 0 && wanted < level:
			findings = append(findings, def.FindingAt(file, pointer, "policy.level", "metadata entitles to nothing: the operator's policy says the level, or --level here",
				fmt.Sprintf("metadata asks for level %s, which is weaker than %s", wanted, level)))
		}
	}
	look(def.Document.Metadata, "/document/metadata")
	def.Walk(func(t *definition.Task) { look(t.Metadata, t.Reference+"/metadata") })
	return findings
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "schema [policy|libvirt]",
		Short:     "Print the JSON Schema of workflow definitions, of policies, or of the libvirt policy alone",
		ValidArgs: []string{"policy", "libvirt"},
		Example: `  lazaret schema > workflow.schema.json
  lazaret schema policy > policy.schema.json
  lazaret schema libvirt > libvirt.schema.json   # of --libvirt-policy
  # first line of a definition, for editors with a YAML language server:
  # yaml-language-server: $schema=workflow.schema.json`,
		Args: cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(_ *cobra.Command, args []string) error {
			_, err := a.stdout.Write(schemaOf(args))
			return err
		},
	}
}

// schemaOf is the schema of what the command's argument names.
func schemaOf(args []string) []byte {
	switch {
	case len(args) == 0:
		return definition.JSONSchema()
	case args[0] == "libvirt":
		return policies.LibvirtSchema(activities.LibvirtOperations())
	}
	return policies.Schema()
}
