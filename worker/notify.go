package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/notify"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

func (a *app) notifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notify",
		Short: "Try out where notifications go",
		Long: `Notifications go to the targets of the policy document: by webhook, to Slack, by
mail, or to a program.`,
		Example: `  lazaret notify test --policy /etc/lazaret/policy.yaml --target ops`,
	}
	cmd.AddCommand(a.notifyTestCommand())
	return group(cmd)
}

type notifyFlags struct{ policy, target string }

func (a *app) notifyTestCommand() *cobra.Command {
	var flags notifyFlags
	cmd := &cobra.Command{
		Use:   "test --policy FILE",
		Short: "Send a test message to every target, or to one",
		Long: `Test sends one message to each target of the policy document, as the worker would,
and prints what became of it. It ends with 1 when one could not be told.`,
		Example: `  lazaret notify test --policy /etc/lazaret/policy.yaml
  lazaret notify test --policy /etc/lazaret/policy.yaml --target ops`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.notifyTest(cmd.Context(), flags) },
	}
	cmd.Flags().StringVar(&flags.policy, "policy", "", "the policy document with the targets")
	cmd.Flags().StringVar(&flags.target, "target", "", "only this one")
	cmd.Flags().StringVar(&a.calls.ca, "call-ca", "", "certificate authorities that are trusted besides the system's, a PEM file")
	return cmd
}

// delivered is what became of a test message.
type delivered struct {
	Target string `json:"target"`
	Type   string `json:"type"`
	Told   bool   `json:"told"`
	Error  string `json:"error,omitempty"`
}

func (a *app) notifyTest(ctx context.Context, flags notifyFlags) error {
	if flags.policy == "" {
		return usageError(errors.New("--policy is missing"))
	}
	p, err := readTargets(flags.policy)
	if err != nil {
		return err
	}
	targets := p.Targets
	if flags.target != "" {
		targets = slices.DeleteFunc(slices.Clone(targets), func(t policies.NotifyTarget) bool { return t.Name != flags.target })
	}
	if len(targets) == 0 {
		return invalid("targets: of the document are its targets", "%s has no target %q", flags.policy, flags.target)
	}
	transport, err := a.notifyTransport(ctx)
	if err != nil {
		return err
	}
	m := notify.Message{
		Kind: "test", Severity: sandbox.High.String(), Rule: "test", At: time.Now().UTC(), Count: 1,
		Text: "a test message: what you see is what you will see", Contacts: p.Contacts,
	}
	m.ID = "test " + m.At.Format(time.RFC3339Nano)
	results, failed := []delivered{}, 0
	for _, t := range targets {
		result := delivered{Target: t.Name, Type: t.Type, Told: true}
		if err := transport.Deliver(ctx, t, m); err != nil {
			result.Told, result.Error, failed = false, err.Error(), failed+1
		}
		results = append(results, result)
	}
	if err := a.printJSON(results); err != nil {
		return err
	}
	if failed > 0 {
		return &exitError{code: exitFaulted, err: fmt.Errorf("%d of %d targets could not be told", failed, len(results))}
	}
	return nil
}

// readTargets reads a policy document for its targets.
func readTargets(file string) (*policies.Policy, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, invalid("", "--policy %s: %w", file, unwrapPath(err))
	}
	p, err := policies.Read(file, text, policies.ReadOptions{Operations: activities.LibvirtOperations(), CheckURI: virt.CheckURI})
	if err != nil {
		return nil, invalid("", "%w", err)
	}
	return p, nil
}

func (a *app) notifyTransport(ctx context.Context) (notify.Transport, error) {
	roots, err := callRoots(a.calls.ca)
	if err != nil {
		return notify.Transport{}, err
	}
	store, err := a.secretStore(ctx)
	if err != nil {
		return notify.Transport{}, err
	}
	return notify.Transport{Secret: store.Read, Roots: roots}, nil
}

// deadLetterFile is where notifications are kept that could not be delivered.
const deadLetterFile = "notifications.dead.jsonl"

// startNotifier returns what tells people, for as long as a worker runs.
func startNotifier(options serviceOptions, log zerolog.Logger) *notify.Dispatcher {
	transport := notify.Transport{Roots: options.calls.options.Roots}
	if options.calls.secrets != nil {
		transport.Secret = options.calls.secrets.Read
	}
	return notify.Start(notify.Options{
		Transport: transport, DeadLetter: filepath.Join(filepath.Dir(options.auditDir), deadLetterFile),
		Observe: func(t policies.NotifyTarget, m notify.Message, err error) {
			options.monitor.notified(t.Type, err)
			if err != nil {
				log.Error().Str("target", t.Name).Str("kind", m.Kind).Str("definition", m.Definition).
					Str("reason", strings.ReplaceAll(err.Error(), "\n", "; ")).Msg("notification not delivered")
			}
		},
	})
}

// found tells people of findings that come too often. It knows the definition by
// the audit line: rules that match labels or signers are not among its routes.
func (s *service) found(policy activities.PolicyProvider) func(audit.Event) {
	return func(e audit.Event) {
		effective, err := policy.For(contract.TaskID{Namespace: e.Namespace, Name: e.Name, Version: e.Version, Digest: e.Digest})
		if err != nil {
			return // the task itself is refused for it
		}
		s.notifier.Found(notify.Message{
			Definition: e.Namespace + "/" + e.Name, Version: e.Version, Digest: e.Digest, Execution: e.Execution, Task: e.Task,
			Subject: e.Subject, Text: e.Message, At: time.Now(), Contacts: effective.Contacts,
		}, effective.Notify)
	}
}
