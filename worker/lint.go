package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/definition"
)

func (a *app) lintCommand() *cobra.Command {
	var format string
	var asked askedItems
	cmd := &cobra.Command{
		Use:   "lint FILE…",
		Short: "Answer the checklists of authors, reviewers and developers",
		Long: `Lint answers, for each definition, what its author asks before handing it over
and what a reviewer asks before trusting it. It reads scripts and runs nothing.
For them it knows no level: what a level would let pass still fails an item.

The developer's checklist is asked for with --checklist developer: least privilege,
level, errors, secrets, input, limits, events and tests, under the policy that
--policy names, or else at level maximum.

It exits with 0 when every item that was asked passes, else with 2; --item asks one
alone. Validate says what else is wrong.`,
		Example: `  lazaret lint nightly.yaml
  lazaret lint workflows/*.yaml --checklist reviewer --output json
  lazaret lint nightly.yaml --checklist developer --policy policy.yaml
  lazaret lint nightly.yaml --checklist developer --item errors-handled
  lazaret lint nightly.yaml --output sarif > lint.sarif`,
		Args: files,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkPolicyFlags(false); err != nil {
				return err
			}
			return a.lint(cmd.Context(), args, asked, format)
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "plain", "print answers as plain or json, or findings as sarif")
	cmd.Flags().StringArrayVar(&asked.checklists, "checklist", []string{"author", "reviewer"}, "answer that of the author, the reviewer, the developer, or all")
	cmd.Flags().StringArrayVar(&asked.items, "item", nil, "answer this item alone; repeat for more")
	a.policyFlag(cmd)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"plain", "json", "sarif"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("checklist", cobra.FixedCompletions([]string{"author", "reviewer", "developer", "all"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// askedItems are the items that a command line asks for.
type askedItems struct{ checklists, items []string }

// choose are those items, in their order.
func (q askedItems) choose() ([]checkItem, error) {
	known := []string{"author", "reviewer", "developer", "all"}
	for _, name := range q.checklists {
		if !slices.Contains(known, name) {
			return nil, invalid("use author, reviewer, developer or all", "--checklist %q is unknown", name)
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(checklists), func(i checkItem) bool {
		return !slices.Contains(q.checklists, "all") && !slices.Contains(q.checklists, i.Checklist)
	})
	for _, id := range q.items {
		if !slices.ContainsFunc(chosen, func(i checkItem) bool { return i.ID == id }) {
			return nil, invalid("lazaret lint shows the items of each checklist in brackets", "--item %q is none of the checklists %s", id, strings.Join(q.checklists, ", "))
		}
	}
	return slices.DeleteFunc(chosen, func(i checkItem) bool { return len(q.items) > 0 && !slices.Contains(q.items, i.ID) }), nil
}

func (a *app) lint(ctx context.Context, files []string, asked askedItems, format string) error {
	if !slices.Contains([]string{"plain", "json", "sarif"}, format) {
		return invalid("use plain, json or sarif", "--output %q is unknown", format)
	}
	items, err := asked.choose()
	if err != nil {
		return err
	}
	var answers []checkAnswer
	for _, file := range files {
		found, err := a.answer(ctx, file, items)
		if err != nil {
			return err
		}
		answers = append(answers, found...)
	}
	if err := a.writeAnswers(format, answers); err != nil {
		return err
	}
	if slices.ContainsFunc(answers, func(c checkAnswer) bool { return c.Result != itemPassed }) {
		return &exitError{code: exitInvalid, err: errors.New("not all items pass"), quiet: true}
	}
	return nil
}

// answer goes through the items for one file. A file that is no document of the
// language has no answers, and its findings go to stderr.
func (a *app) answer(ctx context.Context, file string, items []checkItem) ([]checkAnswer, error) {
	file, text, err := a.definitionText(file)
	if err != nil {
		return nil, err
	}
	draft, findings := definition.Draft(file, text)
	if draft == nil {
		if err := findings.WritePlain(a.stderr); err != nil {
			return nil, err
		}
		return nil, &exitError{code: exitInvalid, err: findings, quiet: true}
	}
	var inScripts definition.Findings
	var risk *checker.Risk
	read := false
	if slices.ContainsFunc(items, func(i checkItem) bool { return i.Scripts }) {
		inScripts, risk, read = scriptFacts(ctx, file, draft)
	}
	policy, err := a.askPolicy(file, draft)
	if err != nil {
		return nil, err
	}
	findings = slices.Concat(findings, argumentFindings(file, draft), inScripts,
		developerFindings(file, draft), a.levelFindings(file, draft, policy.level), policy.found)
	unfit := policy.unfit(inScripts)
	var answers []checkAnswer
	for _, item := range items {
		answer := checkAnswer{
			File: file, Checklist: item.Checklist, Item: item.ID, Text: item.Text,
			Result: itemPassed, Findings: definition.Findings{}, Risk: risk,
		}
		for _, f := range findings {
			if item.asks(f.Rule) || item.Level && slices.Contains(unfit, f) {
				answer.Findings = append(answer.Findings, f)
				answer.Result = itemFailed
			}
		}
		if answer.Result == itemPassed && (item.Scripts && !read || item.Policy && !policy.asked) {
			answer.Result = itemUnchecked
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// scriptFacts are all findings about a definition's scripts, before a level
// judges them, and what they rate. False means that some script could not be read here.
func scriptFacts(ctx context.Context, file string, def *definition.Definition) (findings definition.Findings, rated *checker.Risk, read bool) {
	scripts := pythonScripts(def)
	if len(scripts) == 0 {
		return nil, nil, !hasHiddenScripts(def)
	}
	facts, err := checkScripts(ctx, scripts, environments.FindPythons(), nil)
	if err != nil {
		return nil, nil, false //nolint:nilerr // an item that was not checked says so
	}
	risk := checker.Rate(facts...)
	read = !hasHiddenScripts(def)
	for i, s := range scripts {
		for _, f := range facts[i].Findings {
			if f.Rule == "script.package" && s.packages {
				continue
			}
			if slices.Contains(unreadable, f.Rule) {
				read = false
			}
			findings = append(findings, s.finding(file, def.Source, f))
		}
	}
	return findings, &risk, read
}

// unreadable are findings after which nothing is known of the script.
var unreadable = []string{"script.syntax", "script.size", "script.complexity", "script.checker", "script.nul", "script.encoding"}

// hasHiddenScripts reports whether some Python script is fetched or computed,
// so that it cannot be read before it runs.
func hasHiddenScripts(def *definition.Definition) bool {
	hidden := false
	def.Walk(func(t *definition.Task) {
		body, ok := t.Body.(*definition.RunScript)
		if !ok || body.Language != "python" {
			return
		}
		constant := false
		if body.Code != nil {
			_, constant = body.Code.Constant()
		}
		hidden = hidden || !constant
	})
	return hidden
}

func (a *app) writeAnswers(format string, answers []checkAnswer) error {
	switch format {
	case "json":
		return a.printJSON(answers)
	case "sarif":
		var findings definition.Findings
		for _, c := range answers {
			for _, f := range c.Findings {
				if !slices.Contains(findings, f) {
					findings = append(findings, f)
				}
			}
		}
		return findings.WriteSARIF(a.stdout)
	}
	return a.writePlainAnswers(answers)
}

// whyUnchecked says what is missing for an answer.
func whyUnchecked(c checkAnswer) string {
	if slices.ContainsFunc(checklists, func(i checkItem) bool { return i.ID == c.Item && i.Checklist == c.Checklist && i.Policy }) {
		return "no policy was named, with --policy"
	}
	return "a script is not at hand, or could not be read here"
}

// writePlainAnswers writes one item a line, and below it what fails it.
func (a *app) writePlainAnswers(answers []checkAnswer) error {
	heading := ""
	for _, c := range answers {
		if h := fmt.Sprintf("%s, checklist of the %s:\n", c.File, c.Checklist); h != heading {
			heading = h
			fmt.Fprint(a.stdout, h)
			if c.Risk != nil && c.Risk.Rating != policies.RiskSafe {
				fmt.Fprintf(a.stdout, "  %s\n", c.Risk)
			}
		}
		fmt.Fprintf(a.stdout, "  %-9s  %s [%s]\n", c.Result, c.Text, c.Item)
		for _, f := range c.Findings {
			fmt.Fprintf(a.stdout, "    %s\n", f)
		}
		if c.Result == itemUnchecked {
			fmt.Fprintf(a.stdout, "    %s\n", whyUnchecked(c))
		}
	}
	return nil
}
