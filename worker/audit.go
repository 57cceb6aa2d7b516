package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/audit"
)

// auditFlag says where the audit log is.
func (a *app) auditFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.auditDir, "audit-dir", "", "folder of the audit log (default audit in the state folder)")
}

func (a *app) auditFolder() (string, error) {
	if a.auditDir != "" {
		return a.auditDir, nil
	}
	dir, err := a.statePath()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "audit"), nil
}

// auditError gives the package's errors their hint.
func auditError(err error) error {
	if wrong, ok := errors.AsType[*audit.Error](err); ok {
		return &exitError{code: exitRefused, err: err, hint: wrong.Hint}
	}
	return &exitError{code: exitRefused, err: fmt.Errorf("audit log: %w", err)}
}

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Read, verify and back up the audit log",
		Long: `The audit log holds one JSON object a line for every program that ran, every
refusal and every violation. Its lines are chained by SHA-256 and the newest is
signed, so that a change, a loss or a cut shows.`,
		Example: `  lazaret audit tail
  lazaret audit verify`,
	}
	cmd.AddCommand(a.auditTailCommand(), a.auditVerifyCommand(), a.auditBackupCommand(), a.auditRestoreCommand())
	return group(cmd)
}

type auditTailFlags struct {
	lines      int
	follow     bool
	events     []string
	definition string
}

func (a *app) auditTailCommand() *cobra.Command {
	flags := auditTailFlags{lines: 20}
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print the newest lines of the audit log, as they stand there",
		Example: `  lazaret audit tail --event violation --definition demo/report
  lazaret audit tail --follow | jq -r '[.time, .event, .subject] | @tsv'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.lines < 0 {
				return invalid("give a number of zero or more; zero prints all", "--lines cannot be negative")
			}
			return a.auditTail(cmd.Context(), flags)
		},
	}
	cmd.Flags().IntVar(&flags.lines, "lines", flags.lines, "how many; 0 prints all")
	cmd.Flags().BoolVar(&flags.follow, "follow", false, "go on with new lines until interrupted")
	cmd.Flags().StringArrayVar(&flags.events, "event", nil, "only this event, such as violation; repeat for more")
	cmd.Flags().StringVar(&flags.definition, "definition", "", "only lines about this namespace/name")
	a.auditFlag(cmd)
	return cmd
}

// followPause is how often --follow looks for new lines.
const followPause = 500 * time.Millisecond

func (a *app) auditTail(ctx context.Context, flags auditTailFlags) error {
	dir, err := a.auditFolder()
	if err != nil {
		return err
	}
	seen, err := a.printNewest(dir, flags)
	for err == nil && flags.follow {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followPause):
			seen, err = a.printAfter(dir, flags, seen)
		}
	}
	return err
}

func (f auditTailFlags) shows(line audit.Line) bool {
	return (len(f.events) == 0 || slices.Contains(f.events, string(line.Kind))) &&
		(f.definition == "" || f.definition == line.Namespace+"/"+line.Name)
}

// printNewest prints the newest lines that are asked for and returns the number
// of the newest of all.
func (a *app) printNewest(dir string, flags auditTailFlags) (newest uint64, err error) {
	var kept []string
	err = readAudit(dir, func(line audit.Line, text []byte) error {
		newest = line.Seq
		if !flags.shows(line) {
			return nil
		}
		if flags.lines == 0 {
			fmt.Fprintln(a.stdout, string(text))
			return nil
		}
		if kept = append(kept, string(text)); len(kept) > flags.lines {
			kept = kept[1:]
		}
		return nil
	})
	if len(kept) > 0 {
		fmt.Fprintln(a.stdout, strings.Join(kept, "\n"))
	}
	return newest, err
}

func (a *app) printAfter(dir string, flags auditTailFlags, seen uint64) (newest uint64, err error) {
	err = readAudit(dir, func(line audit.Line, text []byte) error {
		newest = line.Seq
		if line.Seq > seen && flags.shows(line) {
			fmt.Fprintln(a.stdout, string(text))
		}
		return nil
	})
	return newest, err
}

func readAudit(dir string, visit func(audit.Line, []byte) error) error {
	err := audit.Read(dir, visit)
	if errors.Is(err, os.ErrNotExist) {
		return noAudit(dir)
	}
	if wrong, ok := errors.AsType[*audit.Error](err); ok {
		return &exitError{code: exitFaulted, err: wrong, hint: wrong.Hint}
	}
	return err
}

func noAudit(dir string) error {
	return invalid("name the folder with --audit-dir", "no audit log in %q", dir)
}

type auditVerifyFlags struct {
	key      string
	anchors  []string
	anchored bool
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var flags auditVerifyFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no line of the audit log was changed, dropped, moved or cut off",
		Long: `Verify reads the whole log and prints what it found as JSON. Where a line was
changed, dropped, inserted, moved or cut off it names the first such line and
ends with 1.

The key and the heads stand in the log's own folder; whoever owns that folder
can replace both. Keep audit.pub and a head (the head member that verify prints)
elsewhere, and name them here; with --anchored, the heads that workers anchor in
Temporal every five minutes count too.`,
		Example: `  lazaret audit verify
  lazaret audit verify --anchored
  lazaret audit verify --public-key /mnt/safe/audit.pub --anchor /mnt/safe/head.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.auditVerify(cmd.Context(), flags) },
	}
	cmd.Flags().StringVar(&flags.key, "public-key", "", "the key that signed the log (default audit.pub in its folder)")
	cmd.Flags().StringArrayVar(&flags.anchors, "anchor", nil, "a file with a head that was kept elsewhere; repeat for more")
	cmd.Flags().BoolVar(&flags.anchored, "anchored", false, "hold the log against the heads that workers have anchored in Temporal")
	a.auditFlag(cmd)
	return cmd
}

func (a *app) auditVerify(ctx context.Context, flags auditVerifyFlags) error {
	dir, err := a.auditFolder()
	if err != nil {
		return err
	}
	if flags.key == "" {
		flags.key = filepath.Join(dir, "audit.pub")
	}
	key, err := audit.ReadPublicKey(flags.key)
	if errors.Is(err, os.ErrNotExist) {
		return noAudit(dir)
	}
	if err != nil {
		return invalid("", "--public-key %s: %w", flags.key, unwrapPath(err))
	}
	anchors, err := readAnchors(flags.anchors)
	if err != nil {
		return err
	}
	if flags.anchored {
		err := a.withSession(ctx, func(ctx context.Context, s *session) error {
			kept, err := s.anchoredHeads(ctx, key)
			anchors = append(anchors, kept...)
			return err
		})
		if err != nil {
			return err
		}
	}
	report, err := audit.Verify(dir, key, anchors...)
	if bad, ok := errors.AsType[*audit.BadLine](err); ok {
		return &exitError{code: exitFaulted, err: fmt.Errorf("%s/%w", dir, bad), hint: "keep the folder as it is, and compare with a backup"}
	}
	if wrong, ok := errors.AsType[*audit.Error](err); ok {
		return &exitError{code: exitFaulted, err: wrong, hint: wrong.Hint}
	}
	if err != nil {
		return err
	}
	return a.printJSON(report)
}

func readAnchors(files []string) ([]audit.Head, error) {
	var heads []audit.Head
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, invalid("", "--anchor %s: %w", file, unwrapPath(err))
		}
		var report struct {
			Head audit.Head `json:"head"`
		}
		if err := json.Unmarshal(text, &report); err != nil || report.Head.Seq == 0 {
			return nil, invalid("name a file with what lazaret audit verify printed", "--anchor %s holds no head", file)
		}
		heads = append(heads, report.Head)
	}
	return heads, nil
}

func (a *app) auditBackupCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "backup --to FILE",
		Short: "Write the whole audit log into one file",
		Long: `Backup writes all lines, their signed head and the public key into a new
tar.zst file, and leaves a line in the log. The signing key stays where it is.`,
		Example: `  lazaret audit backup --to /mnt/safe/audit-2026-11-24.tar.zst`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if file == "" {
				return usageError(errors.New("--to is missing"))
			}
			return a.auditBackup(file)
		},
	}
	cmd.Flags().StringVar(&file, "to", "", "the file to write; it must not exist")
	a.auditFlag(cmd)
	return cmd
}

func (a *app) auditBackup(file string) error {
	dir, err := a.auditFolder()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "audit.log")); err != nil {
		return noAudit(dir)
	}
	log, err := audit.Open(dir, audit.Limits{}, nil)
	if err != nil {
		return auditError(err)
	}
	defer func() { _ = log.Close() }()
	if err := log.Backup(file); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return invalid("name a new file", "%s exists", file)
		}
		return auditError(err)
	}
	a.noteDone("backup", "")
	return a.printJSON(map[string]any{"file": file, "head": log.Head()})
}

func (a *app) auditRestoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FILE FOLDER",
		Short: "Put a backup's log into a new folder, to be read and verified",
		Example: `  lazaret audit restore /mnt/safe/audit-2026-11-24.tar.zst /tmp/restored
  lazaret audit verify --audit-dir /tmp/restored --public-key /mnt/safe/audit.pub`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := audit.Restore(args[0], args[1]); err != nil {
				if wrong, ok := errors.AsType[*audit.Error](err); ok {
					return invalid(wrong.Hint, "%w", wrong)
				}
				return invalid("", "%s: %w", args[0], unwrapPath(err))
			}
			a.noteDone("restore-test", "")
			fmt.Fprintf(a.stderr, "restored into %s\n", args[1])
			return nil
		},
	}
	return cmd
}
