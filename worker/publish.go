package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/published"
	"lazaret.dev/lazaret/workflows/definition"
)

type publishFlags struct{ level string }

func (a *app) publishCommand() *cobra.Command {
	var flags publishFlags
	cmd := &cobra.Command{
		Use:   "publish FILE…",
		Short: "Publish definitions, to be started by name",
		Long: `Publish checks definitions and stores each in Temporal under its namespace, name
and version. From then on the Web UI, the temporal CLI, SDKs, schedules and
run.workflow tasks start it by name: workflow type NAMESPACE/NAME, which means
the latest version, or NAMESPACE/NAME:VERSION; task queue lazaret; input plain
JSON.

A version never changes. Publishing the same document again does nothing;
another document needs another version.`,
		Example: `  lazaret publish settlement.yaml
  lazaret publish workflows/*.yaml --output json
  temporal workflow start --type demo/settlement --task-queue lazaret --input '{}'`,
		Args: files,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
			return a.publishFiles(cmd.Context(), args, flags)
		},
	}
	cmd.Flags().StringVar(&flags.level, "level", "", "sandbox level for which scripts are checked: maximum, strict, standard, minimal (default the worker's)")
	a.pythonAllowFlag(cmd)
	a.tableFlag(cmd)
	return cmd
}

// publication is one published file as publish prints it.
type publication struct {
	File      string `json:"file"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	contract.Published
}

func (a *app) publishFiles(ctx context.Context, files []string, flags publishFlags) error {
	terms, err := a.scriptTerms(flags.level)
	if err != nil {
		return err
	}
	bundles, err := a.loadAll(ctx, files, terms, "schedule.manual")
	if err != nil {
		return err
	}
	s, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, b := range bundles {
		if err := s.checkNeeded(ctx, b.source.File, b.needed, publishFirst); err != nil {
			return err
		}
	}
	done := []publication{}
	for _, b := range bundles {
		p, err := s.publish(ctx, b)
		if err != nil {
			return err
		}
		done = append(done, p)
	}
	return a.printPublications(done)
}

// loadAll checks all files before any is published. They may name each other.
func (a *app) loadAll(ctx context.Context, files []string, terms scriptTerms, expected ...string) ([]*bundle, error) {
	var bundles []*bundle
	for _, file := range files {
		b, err := a.load(file, nil, expected...)
		if err != nil {
			return nil, err
		}
		if err := a.checkScripts(ctx, b, terms); err != nil {
			return nil, err
		}
		if len(b.source.Document) > contract.MaxPublished {
			return nil, invalid("move data out of the definition", "%s has %d bytes; at most %d can be published", file, len(b.source.Document), contract.MaxPublished)
		}
		bundles = append(bundles, b)
	}
	for _, b := range bundles {
		b.needed = slices.DeleteFunc(b.needed, func(n needed) bool {
			return slices.ContainsFunc(bundles, func(other *bundle) bool {
				return n.task.Body.(*definition.RunWorkflow).Names(other.def.Document)
			})
		})
	}
	return bundles, nil
}

// publish publishes one definition. That its version is taken is said at its
// place in the file.
func (s *session) publish(ctx context.Context, b *bundle) (publication, error) {
	doc := b.def.Document
	p := publication{File: b.source.File, Namespace: doc.Namespace, Name: doc.Name}
	var err error
	p.Published, err = s.store().Publish(ctx, doc.Namespace, doc.Name, contract.Publication{Source: b.source, By: publisher()})
	if rejected, ok := errors.AsType[*published.Rejected](err); ok {
		finding := b.def.FindingAt(b.source.File, "/document/version", "publish.version", "", rejected.Reason)
		return p, &exitError{code: exitInvalid, err: definition.Findings{finding}}
	}
	if err != nil {
		return p, temporalError(err)
	}
	return p, nil
}

// publisher names who runs the command, as the machine knows them.
func publisher() string {
	name, host := "unknown", "unknown"
	if current, err := user.Current(); err == nil {
		name = current.Username
	}
	if known, err := os.Hostname(); err == nil {
		host = known
	}
	return name + "@" + host
}

func (a *app) printPublications(done []publication) error {
	if a.output != "table" {
		return a.printJSON(done)
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, p := range done {
		what := "published"
		if p.Unchanged {
			what = "unchanged"
		}
		fmt.Fprintf(table, "%s/%s:%s\t%s\t%s\n", p.Namespace, p.Name, p.Version, p.Digest, what)
	}
	return table.Flush()
}
