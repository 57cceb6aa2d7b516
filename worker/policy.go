package worker

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Read policies, and what the levels of the sandbox permit",
		Example: `  lazaret policy show
  lazaret policy explain --policy policy.yaml nightly.yaml
  lazaret policy test policy.yaml`,
	}
	cmd.AddCommand(a.policyShowCommand(), a.policyExplainCommand(), a.policyTestCommand(), a.policyLintCommand(), a.policyExportCommand())
	return group(cmd)
}

type policyShowFlags struct {
	level    string
	syscalls bool
}

func (a *app) policyShowCommand() *cobra.Command {
	var flags policyShowFlags
	var asked askedDefinition
	cmd := &cobra.Command{
		Use:   "show [DEFINITION]",
		Short: "Show what a policy says of a definition, or what the levels permit",
		Long: `Show prints what holds for a definition under a policy: what its rule says, and
the level's defaults for the rest. Explain says why.

Without a policy it prints what each level permits, side by side, or one of them.
With --syscalls it lists the system calls too, each line with its reason where it
has one. What no line names is denied and reported.`,
		Example: `  lazaret policy show --policy policy.yaml nightly.yaml
  lazaret policy show --policy policy.yaml --as reports/monthly --output json
  lazaret policy show
  lazaret policy show --level maximum --syscalls
  lazaret policy show --output json | jq '.[] | {level, violations}'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
			if a.policy.file != "" || len(args) > 0 || asked.as != "" {
				if flags.level != "" || flags.syscalls {
					return invalid("", "--level and --syscalls are about levels, not about a definition")
				}
				return a.showEffective(args, asked)
			}
			return a.policyShow(flags)
		},
	}
	cmd.Flags().StringVar(&flags.level, "level", "", "only this level (default all)")
	cmd.Flags().BoolVar(&flags.syscalls, "syscalls", false, "list the system calls")
	a.askedFlags(cmd, &asked)
	return cmd
}

func (a *app) policyShow(flags policyShowFlags) error {
	levels := policies.Levels()
	if flags.level != "" {
		level, err := policies.ParseLevel(flags.level)
		if err != nil {
			return invalid("", "--%w", err)
		}
		levels = []policies.Level{level}
	}
	described := make([]policies.Description, len(levels))
	for i, level := range levels {
		d, err := policies.Describe(level)
		if err != nil {
			return err
		}
		if !flags.syscalls {
			d.Syscalls = nil
		}
		described[i] = d
	}
	if a.output != "table" {
		return a.printJSON(described)
	}
	return a.printLevels(described)
}

func (a *app) printLevels(ds []policies.Description) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	names := make([]string, len(ds))
	for i, d := range ds {
		names[i] = d.Level
	}
	fmt.Fprintln(w, "LEVEL\t"+strings.Join(names, "\t"))
	for _, row := range policies.Table(ds) {
		fmt.Fprintln(w, row.Property+"\t"+strings.Join(row.Values, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, d := range ds {
		a.printSyscalls(d)
	}
	return nil
}

func (a *app) printSyscalls(d policies.Description) {
	if len(d.Syscalls) == 0 {
		return
	}
	fmt.Fprintf(a.stdout, "\nSystem calls at level %s; all others are denied and reported\n", d.Level)
	for _, r := range d.Syscalls {
		fmt.Fprintf(a.stdout, "  %-7s %s", r.Verdict, strings.Join(r.Calls, " "))
		if r.When != "" {
			fmt.Fprintf(a.stdout, "  when %s", r.When)
		}
		if r.Why != "" {
			fmt.Fprintf(a.stdout, "  (%s)", r.Why)
		}
		fmt.Fprintln(a.stdout)
	}
}

func (a *app) policyExportCommand() *cobra.Command {
	level := policies.Maximum.String()
	cmd := &cobra.Command{
		Use:   "export-seccomp",
		Short: "Print a level's system-call list as a seccomp profile",
		Long: `Export-seccomp prints what a level permits in the format that podman, Docker and
libseccomp read, for review and for use elsewhere. In a container denied calls
are not reported, and execve is permitted at every level. Give containers
no-new-privileges too: without it their runtime still changes capabilities and
identities under the filter, which permits neither.`,
		Example: `  lazaret policy export-seccomp --level strict > strict.json
  podman run --security-opt no-new-privileges --security-opt seccomp=strict.json …`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			l, err := policies.ParseLevel(level)
			if err != nil {
				return invalid("", "--%w", err)
			}
			profile, err := policies.ExportSeccomp(l)
			if err != nil {
				return err
			}
			return a.printJSON(profile)
		},
	}
	cmd.Flags().StringVar(&level, "level", level, "the level to export")
	return cmd
}

// narrow restricts a Spec by a profile in a file, if one is named.
func narrow(spec *sandbox.Spec, file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return invalid("", "--seccomp-profile %s: %w", file, unwrapPath(err))
	}
	defer func() { _ = f.Close() }()
	profile, err := policies.ReadProfile(f)
	if err == nil {
		spec.Syscalls, err = policies.Narrow(spec.Syscalls, profile)
	}
	if err != nil {
		return invalid("", "--seccomp-profile %s: %w", file, err)
	}
	return nil
}
