package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/published"
)

func (a *app) definitionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "definitions",
		Short: "List, show and delete published definitions",
		Example: `  lazaret definitions list
  lazaret definitions show demo/settlement
  lazaret definitions delete demo/settlement:1.0.0`,
	}
	cmd.AddCommand(a.definitionsListCommand(), a.definitionsShowCommand(), a.definitionsDeleteCommand())
	return group(cmd)
}

func (a *app) definitionsListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what is published, with its latest version",
		Example: `  lazaret definitions list
  lazaret definitions list --output json | jq -r '.[].name'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withTable(cmd.Context(), a.listDefinitions)
		},
	}
	a.tableFlag(cmd)
	return cmd
}

// withTable is withSession for commands that print a table.
func (a *app) withTable(ctx context.Context, do func(context.Context, *session) error) error {
	if err := a.checkTableFlags(); err != nil {
		return err
	}
	return a.withSession(ctx, do)
}

func (a *app) listDefinitions(ctx context.Context, s *session) error {
	entries, err := s.store().List(ctx)
	if err != nil {
		return temporalError(err)
	}
	if a.output != "table" {
		return a.printJSON(entries)
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DEFINITION\tLATEST\tVERSIONS\tPUBLISHED")
	for _, e := range entries {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", e.Name, e.Latest, e.Versions, e.PublishedAt.Local().Format(time.DateTime))
	}
	return table.Flush()
}

func (a *app) definitionsShowCommand() *cobra.Command {
	var source bool
	cmd := &cobra.Command{
		Use:   "show NAMESPACE/NAME[:VERSION]",
		Short: "Show the versions of a published definition, or a document",
		Example: `  lazaret definitions show demo/settlement
  lazaret definitions show demo/settlement:1.0.0 --source > settlement.yaml`,
		Args:              exactly("NAMESPACE/NAME[:VERSION]"),
		ValidArgsFunction: a.completeDefinitions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTable(cmd.Context(), func(ctx context.Context, s *session) error {
				if source {
					return a.showSource(ctx, s, args[0])
				}
				return a.showVersions(ctx, s, args[0])
			})
		},
	}
	cmd.Flags().BoolVar(&source, "source", false, "print the document, of the latest version unless one is named")
	a.tableFlag(cmd)
	return cmd
}

func (a *app) showSource(ctx context.Context, s *session, name string) error {
	reference, err := parseReference(name)
	if err != nil {
		return err
	}
	if reference.Version == "" {
		reference.Version = contract.Latest
	}
	resolved, err := s.store().Resolve(ctx, reference)
	if err != nil {
		return publishedError(err)
	}
	_, err = fmt.Fprint(a.stdout, resolved.Source.Document)
	return err
}

func (a *app) showVersions(ctx context.Context, s *session, name string) error {
	reference, err := parseReference(name)
	if err != nil {
		return err
	}
	index, err := s.store().Index(ctx, reference.Namespace, reference.Name)
	if err != nil {
		return publishedError(err)
	}
	if reference.Version != "" {
		if index, err = only(index, reference); err != nil {
			return err
		}
	}
	if a.output != "table" {
		return a.printJSON(index)
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VERSION\tDIGEST\tBYTES\tPUBLISHED\tBY\tSTATE")
	for _, v := range index.Versions {
		state := "published"
		switch {
		case v.Deleted():
			state = "deleted " + v.DeletedAt.Local().Format(time.DateTime)
		case v.Version == index.Latest:
			state = "latest"
		}
		fmt.Fprintf(table, "%s\t%.12s\t%d\t%s\t%s\t%s\n", v.Version, v.Digest, v.Size, v.PublishedAt.Local().Format(time.DateTime), v.PublishedBy, state)
	}
	return table.Flush()
}

// only leaves one version of an index.
func only(index contract.Index, reference contract.Reference) (contract.Index, error) {
	want := reference.Version
	if want == contract.Latest {
		want = index.Latest
	}
	for _, v := range index.Versions {
		if v.Version == want {
			index.Versions = []contract.PublishedVersion{v}
			return index, nil
		}
	}
	return index, invalid("lazaret definitions show lists the versions", "%s is not published", reference)
}

func (a *app) definitionsDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete NAMESPACE/NAME:VERSION",
		Short: "Delete a published version",
		Long: `Delete removes a version: nothing starts it any more. Executions that run go on,
for they carry their definition. The version stays taken: only the same document
can be published under it again.`,
		Example:           `  lazaret definitions delete demo/settlement:1.0.0`,
		Args:              exactly("NAMESPACE/NAME:VERSION"),
		ValidArgsFunction: a.completeVersions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
				return a.deleteVersion(ctx, s, args[0])
			})
		},
	}
	return cmd
}

func (a *app) deleteVersion(ctx context.Context, s *session, name string) error {
	reference, err := parseReference(name)
	if err != nil {
		return err
	}
	if reference.Version == "" || reference.Version == contract.Latest {
		return invalid("name the version, as in "+reference.Namespace+"/"+reference.Name+":1.0.0", "%s names no version", name)
	}
	if err := s.checkUnscheduled(ctx, reference); err != nil {
		return err
	}
	if _, err := s.store().Delete(ctx, reference.Namespace, reference.Name, contract.Deletion{Version: reference.Version, By: publisher()}); err != nil {
		return publishedError(err)
	}
	fmt.Fprintf(a.stderr, "deleted %s\n", reference)
	a.warnOfParents(ctx, s, reference)
	return nil
}

// checkUnscheduled refuses to take a version from under a schedule, each of whose
// starts would fail from then on.
func (s *session) checkUnscheduled(ctx context.Context, reference contract.Reference) error {
	id := scheduleID(reference.Namespace, reference.Name)
	info, events, err := s.eventSchedule(ctx, id)
	if err != nil {
		return err
	}
	if events && info.Version == reference.Version {
		return scheduled(id, reference)
	}
	described, err := s.ScheduleClient().GetHandle(ctx, id).Describe(ctx)
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		return nil
	case err != nil:
		return temporalError(err)
	case s.startedBy(described.Schedule.Action).Version != reference.Version:
		return nil
	}
	return scheduled(id, reference)
}

func scheduled(id string, reference contract.Reference) error {
	return invalid("apply another version, or lazaret schedule delete "+reference.Namespace+"/"+reference.Name,
		"schedule %s starts %s", id, reference)
}

// parseReference reads NAMESPACE/NAME, or NAMESPACE/NAME:VERSION.
func parseReference(text string) (contract.Reference, error) {
	identity, version, versioned := strings.Cut(text, ":")
	namespace, name, ok := strings.Cut(identity, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") || versioned && version == "" {
		return contract.Reference{}, invalid("as in demo/settlement:1.0.0", "%q is not of the form NAMESPACE/NAME or NAMESPACE/NAME:VERSION", text)
	}
	return contract.Reference{Namespace: namespace, Name: name, Version: version}, nil
}

// publishedError says what is not there, and what is.
func publishedError(err error) error {
	if missing, ok := errors.AsType[*published.Missing](err); ok {
		hint := missing.Hint
		if hint == "" {
			hint = "lazaret definitions list shows what there is"
		}
		return &exitError{code: exitInvalid, err: missing, hint: hint}
	}
	if rejected, ok := errors.AsType[*published.Rejected](err); ok {
		return &exitError{code: exitInvalid, err: rejected, hint: "lazaret definitions show lists the versions"}
	}
	return temporalError(err)
}

// completeDefinitions completes the names of published definitions.
func (a *app) completeDefinitions(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	err := a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
		entries, err := s.store().List(ctx)
		for _, e := range entries {
			names = append(names, e.Name)
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeVersions completes names, and behind a colon the versions.
func (a *app) completeVersions(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	reference, err := parseReference(strings.TrimSuffix(begun, ":"))
	if err != nil || !strings.Contains(begun, ":") {
		return a.completeDefinitions(cmd, args, begun)
	}
	var names []string
	err = a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
		index, err := s.store().Index(ctx, reference.Namespace, reference.Name)
		for _, v := range index.Versions {
			if !v.Deleted() {
				names = append(names, fmt.Sprintf("%s/%s:%s", index.Namespace, index.Name, v.Version))
			}
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
