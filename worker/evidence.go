package worker

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/evidence"
	"lazaret.dev/lazaret/activities/query"
	"lazaret.dev/lazaret/sandbox/machine"
	"lazaret.dev/lazaret/worker/devserver"
	"lazaret.dev/lazaret/workflows/definition"
)

type evidenceFlags struct {
	out, policy string
	limit       int
}

func (a *app) evidenceCommand() *cobra.Command {
	flags := evidenceFlags{limit: 100}
	var key string
	cmd := &cobra.Command{
		Use:   "evidence NAMESPACE/NAME -o FILE",
		Short: "Put all that is known of a definition into one signed file, or verify one",
		Long: `Evidence gathers, of one definition: the histories of its executions as Temporal
stores them, the lines of the audit log that name it with the result of verifying
the whole log, its documents, its ledger with the violations, the policy document,
and facts about this machine. The file's manifest has the SHA-256 of each part and
is signed with the audit log's key. It works while the definition is in quarantine;
what cannot be had is named in the manifest.

Payloads stay as they are stored: sealed ones stay sealed.`,
		Example: `  lazaret evidence demo/report -o demo-report.tar.zst
  lazaret evidence verify demo-report.tar.zst --public-key /mnt/safe/audit.pub`,
		Args: exactly("NAMESPACE/NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.out == "" {
				return usageError(errors.New("--file is missing"))
			}
			if flags.limit < 1 {
				return invalid("", "--limit must be 1 or more")
			}
			return a.withSession(cmd.Context(), func(ctx context.Context, s *session) error { return a.evidence(ctx, s, args[0], flags) })
		},
	}
	cmd.Flags().StringVarP(&flags.out, "file", "o", "", "the file to write; it must not exist")
	cmd.Flags().StringVar(&flags.policy, "policy", "", "the policy document to put in")
	cmd.Flags().IntVar(&flags.limit, "limit", flags.limit, "executions at most, the newest")
	a.auditFlag(cmd)
	cmd.AddCommand(a.evidenceVerifyCommand(&key))
	return cmd
}

func (a *app) evidenceVerifyCommand(key *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check that a bundle is whole, unchanged and signed",
		Long: `Verify checks the manifest's signature and every part against the manifest, and
prints the manifest. Without --public-key it takes the key in the bundle, which
whoever made the bundle has put there.`,
		Example: `  lazaret evidence verify demo-report.tar.zst --public-key /mnt/safe/audit.pub`,
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.evidenceVerify(args[0], *key)
		},
	}
	cmd.Flags().StringVar(key, "public-key", "", "the audit log's key, kept elsewhere")
	return cmd
}

func (a *app) evidenceVerify(file, keyFile string) error {
	var key ed25519.PublicKey
	if keyFile != "" {
		var err error
		if key, err = audit.ReadPublicKey(keyFile); err != nil {
			return invalid("", "--public-key %s: %w", keyFile, unwrapPath(err))
		}
	}
	manifest, err := evidence.Verify(file, key)
	if errors.Is(err, evidence.ErrBad) {
		return &exitError{code: exitFaulted, err: fmt.Errorf("%s: %w", file, err), hint: "keep the file, and ask whoever gave it to you for another copy"}
	}
	if err != nil {
		return invalid("", "%s: %w", file, unwrapPath(err))
	}
	if key == nil {
		fmt.Fprintln(a.stderr, "signed by the key in the bundle; name the log's own with --public-key to know by whom")
	}
	return a.printJSON(manifest)
}

var identity = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

func (a *app) evidence(ctx context.Context, s *session, name string, flags evidenceFlags) error {
	if !identity.MatchString(name) {
		return invalid("", "%q is not of the form NAMESPACE/NAME", name)
	}
	dir, err := a.auditFolder()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "audit.log")); err != nil {
		return noAudit(dir)
	}
	if _, err := os.Lstat(flags.out); err == nil {
		return invalid("name a new file", "%s exists", flags.out)
	}
	log, err := audit.Open(dir, audit.Limits{}, nil)
	if err != nil {
		return auditError(err)
	}
	defer func() { _ = log.Close() }()
	g := gathering{app: a, session: s, name: name, bundle: evidence.New(name, "lazaret "+a.build.Version+" "+a.build.Commit, time.Now()), documents: map[string]bool{}}
	if err := g.gather(ctx, dir, flags); err != nil {
		return err
	}
	if !g.known {
		return invalid("lazaret list and lazaret quarantine list --all show names", "nothing is known of %s: no execution, no ledger, no published version, no line of the audit log", name)
	}
	namespace, short, _ := strings.Cut(name, "/")
	if _, err := log.Append(audit.Event{Kind: audit.Incident, Namespace: namespace, Name: short, Subject: filepath.Base(flags.out), Outcome: "evidence", Message: "evidence is put into a bundle"}); err != nil {
		return auditError(err)
	}
	manifest, err := g.bundle.Write(flags.out, log)
	if errors.Is(err, fs.ErrExist) {
		return invalid("name a new file", "%s exists", flags.out)
	}
	if err != nil {
		return invalid("", "%s: %w", flags.out, unwrapPath(err))
	}
	return a.printJSON(manifest)
}

// gathering fills a bundle.
type gathering struct {
	app       *app
	session   *session
	name      string
	bundle    *evidence.Bundle
	documents map[string]bool // by digest
	known     bool            // there is something about the definition
}

func (g *gathering) gather(ctx context.Context, auditDir string, flags evidenceFlags) error {
	if err := g.executions(ctx, flags.limit); err != nil {
		return err
	}
	g.published(ctx)
	g.ledger(ctx, flags.limit)
	if err := errors.Join(g.audited(auditDir), g.machine()); err != nil {
		return err
	}
	if flags.policy == "" {
		g.bundle.Lacks("policy", errors.New("no --policy was named"))
		return nil
	}
	text, err := os.ReadFile(flags.policy)
	if err != nil {
		return invalid("", "--policy %s: %w", flags.policy, unwrapPath(err))
	}
	return g.bundle.Add("policy.yaml", text)
}

func (g *gathering) executions(ctx context.Context, limit int) error {
	query, err := listFlags{definition: g.name}.query()
	if err != nil {
		return err
	}
	found, err := g.session.find(ctx, query, limit)
	if err != nil {
		return err
	}
	g.known = g.known || len(found) > 0
	for i, e := range found {
		history := &historypb.History{}
		for events := g.session.GetWorkflowHistory(ctx, e.ID, e.Run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
			event, err := events.Next()
			if err != nil {
				g.bundle.Lacks("history of "+e.ID, err)
				break
			}
			history.Events = append(history.Events, event)
		}
		text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
		if err != nil {
			return err
		}
		if err := g.bundle.Add(fmt.Sprintf("histories/%04d.json", i+1), text); err != nil {
			return err
		}
		g.started(history)
	}
	return g.bundle.AddJSON("executions.json", found)
}

// started takes the document that an execution carries.
func (g *gathering) started(history *historypb.History) {
	if len(history.GetEvents()) == 0 {
		return
	}
	payloads := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()
	var start contract.Start
	if len(payloads) == 1 && g.session.converter().FromPayload(payloads[0], &start) == nil {
		g.document(start.Definition)
	}
}

func (g *gathering) document(source contract.Source) {
	if source.Document == "" || len(source.Digest) != 64 || g.documents[source.Digest] {
		return
	}
	g.documents[source.Digest] = true
	if err := g.bundle.Add("definitions/"+source.Digest+".yaml", []byte(source.Document)); err != nil {
		g.bundle.Lacks("definition "+source.Digest, err)
	}
	g.scripts(source.Document)
}

// scripts takes the scripts that stand in a document, by their SHA-256.
func (g *gathering) scripts(document string) {
	def, err := definition.Parse("definition.yaml", []byte(document))
	if err != nil {
		return // the document itself is there
	}
	def.Walk(func(t *definition.Task) {
		body, ok := t.Body.(*definition.RunScript)
		if !ok || body.Code == nil {
			return
		}
		code, _ := body.Code.Constant()
		text, ok := code.(string)
		sum := sha256.Sum256([]byte(text))
		name := "scripts/" + hex.EncodeToString(sum[:])
		if !ok || g.documents[name] {
			return
		}
		g.documents[name] = true
		if err := g.bundle.Add(name, []byte(text)); err != nil {
			g.bundle.Lacks(name, err)
		}
	})
}

func (g *gathering) published(ctx context.Context) {
	namespace, name, _ := strings.Cut(g.name, "/")
	index, err := g.session.store().Index(ctx, namespace, name)
	if err != nil {
		g.bundle.Lacks("published versions", err)
		return
	}
	g.known = true
	if err := g.bundle.AddJSON("published.json", index); err != nil {
		g.bundle.Lacks("published versions", err)
	}
	for _, v := range index.Versions {
		resolved, err := g.session.store().Resolve(ctx, contract.Reference{Namespace: namespace, Name: name, Version: v.Version})
		if err != nil {
			g.bundle.Lacks("published version "+v.Version, err)
			continue
		}
		g.document(resolved.Source)
	}
}

func (g *gathering) ledger(ctx context.Context, limit int) {
	namespace, name, _ := strings.Cut(g.name, "/")
	var held contract.Ledger
	err := query.Workflow(ctx, g.session.Client, contract.LedgerID(namespace, name), contract.LedgerQuery, &held)
	if err == nil {
		err = g.bundle.AddJSON("ledger.json", held)
	}
	if err != nil {
		g.bundle.Lacks("ledger", err)
		return
	}
	g.known = true
	g.incidentReports(ctx, held, limit)
}

// audited takes the lines about the definition, with what shows that the log they
// stand in is whole.
func (g *gathering) audited(dir string) error {
	var lines bytes.Buffer
	err := readAudit(dir, func(line audit.Line, text []byte) error {
		if line.Namespace+"/"+line.Name == g.name {
			lines.Write(text)
			lines.WriteByte('\n')
			g.known = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	key, err := audit.ReadPublicKey(filepath.Join(dir, "audit.pub"))
	if err != nil {
		return auditError(err)
	}
	verified := map[string]any{}
	report, err := audit.Verify(dir, key)
	if verified["report"] = report; err != nil {
		verified["error"] = err.Error() // the lines are evidence all the same
	}
	return errors.Join(g.bundle.Add("audit.jsonl", lines.Bytes()), g.bundle.AddJSON("audit-verify.json", verified))
}

func (g *gathering) machine() error {
	facts := map[string]any{
		"kernel": machine.Look(), "lazaret": g.app.build, "go": runtime.Version(), "arch": runtime.GOARCH, "processors": runtime.NumCPU(),
	}
	if devserver.Available {
		facts["temporal"] = devserver.Version
	}
	for name, file := range map[string]string{"system": "/etc/os-release", "version": "/proc/version", "commandLine": "/proc/cmdline"} {
		if text, err := os.ReadFile(file); err == nil {
			facts[name] = string(text)
		}
	}
	text, err := json.MarshalIndent(facts, "", "  ")
	if err != nil {
		return err
	}
	return g.bundle.Add("machine.json", append(text, '\n'))
}
