package worker

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ownWorkerFlags adds to a command the flags of the worker that it may start,
// and returns their names: they mean nothing to a worker that is there already.
func (a *app) ownWorkerFlags(cmd *cobra.Command) []string {
	before := flagNames(cmd)
	a.allowNetFlag(cmd)
	a.allowDegradedFlag(cmd)
	a.addSupplyFlags(cmd)
	a.addCallFlags(cmd)
	a.pythonAllowFlag(cmd)
	a.eventRulesFlag(cmd)
	a.auditFlag(cmd)
	a.libvirtPolicyFlag(cmd)
	a.policyWorkerFlags(cmd)
	return slices.DeleteFunc(flagNames(cmd), func(name string) bool { return slices.Contains(before, name) })
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	return names
}

// given are those of the flags that the command line has, as it spells them.
func given(cmd *cobra.Command, among []string) []string {
	var flags []string
	for _, name := range among {
		if cmd.Flags().Changed(name) {
			flags = append(flags, "--"+name)
		}
	}
	return flags
}

// checkOwnWorker refuses flags that another process's worker would not heed.
func (s *session) checkOwnWorker(flags []string) error {
	if len(flags) == 0 || s.embedded != nil {
		return nil
	}
	return invalid("give them to lazaret up or lazaret worker, whose worker runs the scripts",
		"%s: this run starts no worker of its own", strings.Join(flags, ", "))
}
