package worker

import (
	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/activities/codec"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// choices are the values of flags that have few of them, by the name that a flag has
// in every command that has it.
func choices() map[string][]string {
	return map[string][]string{
		"level":          levelNames,
		"allow-degraded": policies.Names(sandbox.Features()),
		"analyzer":       checker.AnalyzerNames(),
		"check":          eventChecks,
		"algorithm":      {string(codec.ChaCha20Poly1305), string(codec.AES256GCM)},
		"language":       {"python", "js", "shell"},
		"accept":         operatorItemIDs(),
		"item":           checkItemIDs(),
	}
}

// completeChoices completes them in a command and in those below it: a shell would
// offer the names of files.
func completeChoices(cmd *cobra.Command) {
	for name, values := range choices() {
		if cmd.Flags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	for _, below := range cmd.Commands() {
		completeChoices(below)
	}
}

func operatorItemIDs() []string {
	var ids []string
	for _, item := range operatorItems() {
		ids = append(ids, item.ID)
	}
	return ids
}

func checkItemIDs() []string {
	var ids []string
	for _, item := range checklists {
		ids = append(ids, item.ID)
	}
	return ids
}

// completeOperations completes the names of operations on virtual machines.
func completeOperations(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, o := range virt.Operations() {
		if len(args) == 0 {
			names = append(names, o.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
