package worker

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/definition"
)

// askedDefinition is which one policy show and explain are about.
type askedDefinition struct{ as string }

func (a *app) askedFlags(cmd *cobra.Command, asked *askedDefinition) {
	cmd.Flags().StringVar(&asked.as, "as", "", "ask about NAMESPACE/NAME or NAMESPACE/NAME:VERSION in the place of a file")
	a.policyFlag(cmd)
	a.tableFlag(cmd)
}

// identity is the definition of a file, with the signature beside it, or the one
// that --as names.
func (a *app) identity(args []string, asked askedDefinition) (policies.Identity, error) {
	switch {
	case len(args) == 1 && asked.as == "":
		def, source, err := a.loadOne(args[0])
		if err != nil {
			return policies.Identity{}, err
		}
		return identityOf(def, source.Signature), nil
	case len(args) == 0 && asked.as != "":
		return namedIdentity(asked.as)
	}
	return policies.Identity{}, invalid("lazaret policy show --policy policy.yaml --as reports/monthly", "name one definition: a FILE, or --as NAMESPACE/NAME")
}

func namedIdentity(text string) (policies.Identity, error) {
	name, version, _ := strings.Cut(text, ":")
	namespace, own, ok := strings.Cut(name, "/")
	if !ok || namespace == "" || own == "" || strings.Contains(own, "/") {
		return policies.Identity{}, invalid("as in --as reports/monthly:1.2.0", "--as %.100q is no NAMESPACE/NAME", text)
	}
	return policies.Identity{Namespace: namespace, Name: own, Version: version}, nil
}

// explanation asks the policy that the flags name.
func (a *app) explanation(args []string, asked askedDefinition) (policies.Explanation, policies.Effective, error) {
	if a.policy.file == "" {
		return policies.Explanation{}, policies.Effective{}, invalid("name it with --policy FILE", "there is no policy to ask")
	}
	p, err := readPolicy(a.policy.file, readPolicyOptions())
	if err != nil {
		return policies.Explanation{}, policies.Effective{}, err
	}
	id, err := a.identity(args, asked)
	if err != nil {
		return policies.Explanation{}, policies.Effective{}, err
	}
	return p.Explain(id), p.For(id), nil
}

// showEffective prints what holds for one definition.
func (a *app) showEffective(args []string, asked askedDefinition) error {
	x, e, err := a.explanation(args, asked)
	if err != nil {
		return err
	}
	if a.output != "table" {
		shown := e.Show()
		shown["definition"], shown["policy"] = x.Definition, x.Policy
		if x.Rule != "" {
			shown["rule"] = x.Rule
		}
		if x.Because != "" {
			shown["because"] = x.Because
		}
		return a.printJSON(shown)
	}
	return a.printExplanation(x, false)
}

func (a *app) policyExplainCommand() *cobra.Command {
	var asked askedDefinition
	cmd := &cobra.Command{
		Use:   "explain [DEFINITION]",
		Short: "Say which line of a policy decides each value for a definition",
		Long: `Explain prints what a policy says of a definition and, for each value, the line
that decided it: of the rule, of what the rule extends, or the default of the
level. It names the other rules that fit and are less specific, and why no rule
decides where none does.`,
		Example: `  lazaret policy explain --policy policy.yaml nightly.yaml
  lazaret policy explain --policy policy.yaml --as reports/monthly:1.2.0
  lazaret policy explain --policy policy.yaml nightly.yaml --output json | jq '.settings[] | select(.line)'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
			x, _, err := a.explanation(args, asked)
			if err != nil {
				return err
			}
			if a.output != "table" {
				return a.printJSON(x)
			}
			return a.printExplanation(x, true)
		},
	}
	a.askedFlags(cmd, &asked)
	return cmd
}

func (a *app) printExplanation(x policies.Explanation, why bool) error {
	fmt.Fprintf(a.stdout, "%s under %s (%.12s)\n", x.Definition, x.File, x.Policy)
	if x.Rule != "" {
		fmt.Fprintf(a.stdout, "rule %q at %s:%d:%d\n", x.Rule, x.File, x.Line, x.Column)
	}
	if x.Because != "" {
		fmt.Fprintln(a.stdout, x.Because)
	}
	if len(x.SignedBy) > 0 {
		fmt.Fprintf(a.stdout, "signed by %s\n", strings.Join(x.SignedBy, ", "))
	}
	for _, other := range x.Others {
		fmt.Fprintf(a.stdout, "fits too, less specific: %s\n", other)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, o := range x.Settings {
		line := o.Setting + "\t" + plainValue(o.Value)
		if why {
			line += "\t" + o.Text
		}
		fmt.Fprintln(w, line)
	}
	return w.Flush()
}

// plainValue is a value as it stands in a table.
func plainValue(value any) string {
	const widest = 48
	text := wholeValue(value)
	if len(text) <= widest {
		return text
	}
	return strings.ToValidUTF8(text[:widest], "") + "…"
}

func wholeValue(value any) string {
	if texts, ok := value.([]string); ok {
		if len(texts) == 0 {
			return "none"
		}
		return strings.Join(texts, ", ")
	}
	if text, ok := value.(string); ok {
		return text
	}
	return policies.ShownValue(value)
}

func (a *app) policyTestCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test POLICY…",
		Short: "Hold policies against the tests in them",
		Long: `Test reads each policy and holds it against its section tests: what a definition
is given, and what the policy must and must not let it do. It prints a line for
each test and for each expectation that does not hold, with its place, and exits
with 0 when all hold, with 1 when one does not, with 2 when a policy cannot be
used or has no test.`,
		Example: `  lazaret policy test policy.yaml
  lazaret policy test policies/*.yaml --output json`,
		Args: files,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
			return a.policyTest(args)
		},
	}
	a.tableFlag(cmd)
	return cmd
}

func (a *app) policyTest(files []string) error {
	results := []policies.TestResult{}
	for _, file := range files {
		p, err := readPolicy(file, readPolicyOptions())
		if err != nil {
			return err
		}
		found := p.Test()
		if len(found) == 0 {
			return invalid("write expectations under tests", "policy %s has no test", file)
		}
		results = append(results, found...)
	}
	failed := 0
	for _, r := range results {
		if !r.Passed {
			failed++
		}
	}
	if a.output != "table" {
		if err := a.printJSON(results); err != nil {
			return err
		}
	} else {
		a.printTests(results)
	}
	if failed > 0 {
		return &exitError{code: exitFaulted, err: fmt.Errorf("%d of %d tests failed", failed, len(results))}
	}
	fmt.Fprintf(a.stderr, "%d tests passed\n", len(results))
	return nil
}

func (a *app) printTests(results []policies.TestResult) {
	for _, r := range results {
		word := "ok"
		if !r.Passed {
			word = "FAILED"
		}
		fmt.Fprintf(a.stdout, "%-6s  %s (%s:%d:%d)\n", word, r.Name, r.File, r.Line, r.Column)
		for _, f := range r.Failures {
			fmt.Fprintf(a.stdout, "%s:%d:%d: %s\n", r.File, f.Line, f.Column, f.Message)
		}
	}
}

func (a *app) policyLintCommand() *cobra.Command {
	var format string
	var library []string
	cmd := &cobra.Command{
		Use:   "lint POLICY…",
		Short: "Find what a policy permits too broadly, and what in it is unused",
		Long: `Lint reads each policy and says what in it permits more than most installations
need, and what has no effect: each finding one line, FILE:LINE:COLUMN: message
[rule]. Given definitions with --definition, it also finds rules that decide about
none of them. It exits with 0 when it finds nothing, with 1 when it does, with 2
when a policy cannot be used.`,
		Example: `  lazaret policy lint policy.yaml
  lazaret policy lint policy.yaml --definition workflows/ --output sarif > lint.sarif`,
		Args: files,
		RunE: func(_ *cobra.Command, args []string) error { return a.policyLint(args, library, format) },
	}
	cmd.Flags().StringVarP(&format, "output", "o", "plain", "print findings as plain, json or sarif")
	cmd.Flags().StringArrayVarP(&library, "definition", "d", nil, "a definition, or a folder of them, that the rules are for; repeat for more")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"plain", "json", "sarif"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) policyLint(files, library []string, format string) error {
	write, err := a.findingsWriter(format)
	if err != nil {
		return err
	}
	known, err := a.identities(library)
	if err != nil {
		return err
	}
	findings := definition.Findings{}
	for _, file := range files {
		p, err := readPolicy(file, readPolicyOptions())
		if err != nil {
			return err
		}
		for _, f := range p.Lint(known) {
			findings = append(findings, definition.Finding{
				File: f.File, Line: f.Line, Column: f.Column, Severity: definition.Warning, Rule: f.Rule, Message: f.Message, Hint: f.Hint,
			})
		}
	}
	if err := write(findings); err != nil {
		return err
	}
	if len(findings) > 0 {
		return &exitError{code: exitFaulted, err: errors.New("lint found something"), quiet: true}
	}
	return nil
}

// identities are those of the definitions in files and folders.
func (a *app) identities(names []string) ([]policies.Identity, error) {
	files, err := libraryFiles(names)
	if err != nil {
		return nil, err
	}
	var all []policies.Identity
	for _, file := range files {
		def, source, err := a.loadOne(file)
		if err != nil {
			return nil, err
		}
		all = append(all, identityOf(def, source.Signature))
	}
	return all, nil
}
