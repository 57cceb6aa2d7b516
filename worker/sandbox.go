package worker

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// execFlags are what sandbox exec takes.
type execFlags struct {
	level, as           string
	language, arguments string
	seccompProfile      string
	timeout             time.Duration
	timed               bool // whether timeout was given
	stdin               bool
	net                 execNet
	python              execPython
}

func (a *app) sandboxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "sandbox",
		Short:   "Run scripts outside Temporal, in the same sandbox",
		Example: `  lazaret sandbox exec report.py`,
	}
	cmd.AddCommand(a.sandboxExecCommand())
	return group(cmd)
}

func (a *app) sandboxExecCommand() *cobra.Command {
	var flags execFlags
	cmd := &cobra.Command{
		Use:   "exec SCRIPT",
		Short: "Run one script in a sandbox and print its outcome as JSON",
		Long: `Exec runs one script as a workflow would and prints what happened as one JSON
object: outcome, exit code, output, violations, usage. SCRIPT is a file, or - for
standard input. It exits with 0 whenever it could say what happened, with 3 when
--policy does not let the script have the Python or the packages that it asks for,
and with 5 when this machine cannot sandbox.

The script's text is not judged, only what it does: python.allow of a policy is for
lazaret validate and for workers, which read a script before they run it.`,
		Example: `  lazaret sandbox exec report.py
  lazaret sandbox exec --level standard --arguments '{"limit": 3}' report.py
  lazaret sandbox exec --level standard --allow-degraded cgroup-memory,cgroup-pids report.py
  lazaret sandbox exec --level strict --allow-net api.example.com fetch.py
  lazaret sandbox exec --level strict --allow-net api.example.com --net-traffic 10MiB --net-bandwidth 1MiB fetch.py
  lazaret sandbox exec --policy policy.yaml --as reports/monthly report.py
  lazaret sandbox exec --python-version 3.12 --python 3.12=/opt/python/bin/python3.12 report.py
  lazaret sandbox exec --package 'requests>=2' --python-index https://pypi.example.com/simple/ report.py
  lazaret sandbox exec --requirements lock.txt --python-index /srv/wheels report.py
  echo 'print(1 + 1)' | lazaret sandbox exec --language python -`,
		Args: exactly("SCRIPT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.timed = cmd.Flags().Changed("timeout")
			return a.sandboxExec(cmd.Context(), args[0], flags)
		},
	}
	cmd.Flags().StringVar(&flags.level, "level", policies.Maximum.String(), "sandbox level")
	cmd.Flags().StringVar(&flags.language, "language", "", "python, js or shell (default from the file's name)")
	cmd.Flags().StringVar(&flags.arguments, "arguments", "", "arguments of the script: a JSON object or array")
	cmd.Flags().DurationVar(&flags.timeout, "timeout", 0, "end the script after this time (default the level's)")
	cmd.Flags().StringVar(&flags.seccompProfile, "seccomp-profile", "", "narrow the level by this seccomp profile, in the format of podman and Docker")
	cmd.Flags().BoolVar(&flags.stdin, "stdin", false, "give the script this command's standard input")
	a.execNetFlags(cmd, &flags.net)
	a.execPythonFlags(cmd, &flags.python)
	cmd.Flags().StringVar(&flags.as, "as", "", "with --policy: run it as a script of NAMESPACE/NAME")
	a.allowDegradedFlag(cmd)
	a.policyFlag(cmd)
	a.outputFlag(cmd)
	return cmd
}

func (a *app) sandboxExec(ctx context.Context, script string, flags execFlags) error {
	if err := a.checkFlags(); err != nil {
		return err
	}
	policy, err := a.execPolicy(flags)
	if err != nil {
		return err
	}
	if err := flags.limitTime(&policy.Limits, a.policy.file != ""); err != nil {
		return err
	}
	if err := flags.net.limit(&policy, a.policy.file != ""); err != nil {
		return err
	}
	level := policy.Level
	degradations, err := a.degradations()
	if err != nil {
		return err
	}
	request, err := a.execRequest(script, flags)
	if err != nil {
		return err
	}
	runner := &lateRunner{}
	defer runner.close()
	spec, release, err := a.execSpec(ctx, runner, request, flags.python, policy)
	if err != nil {
		return execRefusal(err)
	}
	defer release()
	spec.Limits, spec.Scratch, spec.Data = policy.Limits, policy.Scratch, policy.Shares
	spec.MayLack = append(degradations.At(level), policy.AllowDegraded.At(level)...)
	if err := openNetwork(&spec, policy, flags.net.allow); err != nil {
		return err
	}
	if err := narrow(&spec, flags.seccompProfile); err != nil {
		return err
	}
	result, err := runner.Run(ctx, spec)
	if err != nil {
		return execError(err, level)
	}
	return a.printJSON(newExecReport(result))
}

// limitTime sets the time that was asked for, which may be more than the level's
// but not more than a policy's.
func (f execFlags) limitTime(l *sandbox.Limits, byPolicy bool) error {
	if !f.timed {
		return nil
	}
	most := policies.LongestRun
	if byPolicy {
		most = l.Wall
	}
	if f.timeout < policies.ShortestRun || f.timeout > most {
		return invalid("", "--timeout %s is not within %s and %s", f.timeout, policies.ShortestRun, most)
	}
	l.Wall = f.timeout
	return nil
}

// execPolicy is what holds for the script: what --policy says of the definition
// that --as names, else of one that nothing names; --level goes before it.
func (a *app) execPolicy(flags execFlags) (policies.Effective, error) {
	if err := a.checkPolicyFlags(false); err != nil {
		return policies.Effective{}, err
	}
	level, err := policies.ParseLevel(flags.level)
	if err != nil {
		return policies.Effective{}, invalid("", "--%w", err)
	}
	if a.policy.file == "" {
		if flags.as != "" {
			return policies.Effective{}, invalid("", "--as needs --policy")
		}
		return policies.LevelDefaults(level)
	}
	p, err := readPolicy(a.policy.file, readPolicyOptions())
	if err != nil {
		return policies.Effective{}, err
	}
	var id policies.Identity
	if flags.as != "" {
		if id, err = namedIdentity(flags.as); err != nil {
			return policies.Effective{}, err
		}
	}
	if a.policy.command.Flags().Changed("level") {
		return p.For(id).At(level), nil
	}
	return p.For(id), nil
}

// execError is a run that could not be: the script is not to blame.
func execError(err error, level policies.Level) error {
	if errors.Is(err, sandbox.ErrUnavailable) {
		return unavailableError(err, level)
	}
	return &exitError{code: exitFaulted, err: err}
}

// execRefusal is a run that its level or its language forbids.
func execRefusal(err error) error {
	var fault *contract.Fault
	if errors.As(err, &fault) && fault.Type == contract.Refused {
		return &exitError{code: exitRefused, err: errors.New(fault.Detail)}
	}
	if errors.As(err, &fault) {
		code := exitInvalid
		if fault.Type == contract.CommunicationError {
			code = exitFaulted
		}
		return &exitError{code: code, err: errors.New(fault.Detail)}
	}
	if errors.Is(err, sandbox.ErrUnavailable) {
		return execError(err, 0)
	}
	return err
}

func (a *app) execRequest(script string, flags execFlags) (contract.Process, error) {
	language, err := scriptLanguage(script, flags.language)
	if err != nil {
		return contract.Process{}, err
	}
	if script == "-" && flags.stdin {
		return contract.Process{}, invalid("give the script as a file", "stdin cannot be both the script and its input")
	}
	request := contract.Process{Language: language}
	code, err := a.readScript(script)
	if err != nil {
		return request, err
	}
	request.Code = string(code)
	if flags.stdin {
		input, err := io.ReadAll(io.LimitReader(a.stdin, maxInputText))
		if err != nil {
			return request, invalid("", "stdin: %w", err)
		}
		request.Stdin = string(input)
	}
	request.Arguments, err = scriptArguments(flags.arguments)
	return request, err
}

func (a *app) readScript(script string) ([]byte, error) {
	if script == "-" {
		code, err := io.ReadAll(io.LimitReader(a.stdin, maxInputText))
		if err != nil {
			return nil, invalid("", "script from stdin: %w", err)
		}
		return code, nil
	}
	code, err := os.ReadFile(script)
	if err != nil {
		return nil, invalid("", "script %s: %w", script, unwrapPath(err))
	}
	return code, nil
}

func scriptArguments(text string) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	trimmed := bytes.TrimSpace([]byte(text))
	if !json.Valid(trimmed) || !strings.ContainsRune("[{", rune(trimmed[0])) {
		return nil, invalid(`give --arguments '{"name": "Ada"}' or '["Ada"]'`, "--arguments is not a JSON object or array")
	}
	return trimmed, nil
}

// scriptLanguage is the one given, or the one that the file's name tells.
func scriptLanguage(script, given string) (string, error) {
	switch given {
	case "python", "js", "shell":
		return given, nil
	case "":
	default:
		return "", invalid("use python, js or shell", "--language %q is unknown", given)
	}
	switch filepath.Ext(script) {
	case ".py":
		return "python", nil
	case ".js", ".mjs":
		return "js", nil
	case ".sh":
		return "shell", nil
	}
	return "", invalid("say --language python, js or shell", "the language of %s cannot be told from its name", script)
}

// execReport is the outcome as scripts read it: a contract.
type execReport struct {
	Outcome    sandbox.Outcome `json:"outcome"`
	Code       int             `json:"code"`
	Signal     string          `json:"signal"`
	Stdout     string          `json:"stdout"`
	Stderr     string          `json:"stderr"`
	Truncated  bool            `json:"truncated"`
	Violations []execViolation `json:"violations"`
	// Connections are there when the script was given a network and used it.
	Connections []execConnection `json:"connections,omitempty"`
	Degraded    []string         `json:"degraded"`
	Usage       execUsage        `json:"usage"`
	// Base64 is set, and Stdout and Stderr are base64, when either is not UTF-8.
	Base64 bool `json:"base64,omitempty"`
}

type execViolation struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Severity string `json:"severity"`
	Syscall  string `json:"syscall"`
	Detail   string `json:"detail"`
	Count    int    `json:"count"`
	Action   string `json:"action"`
	PID      int    `json:"pid,omitempty"`     // as the sandbox numbers it; 0: no process of it
	Command  string `json:"command,omitempty"` // its name
}

type execUsage struct {
	WallMillis  int64 `json:"wallMs"`
	CPUMillis   int64 `json:"cpuMs"`
	MaxRSSBytes int64 `json:"maxRssBytes"`
}

func newExecReport(r sandbox.Result) execReport {
	report := execReport{
		Outcome: r.Outcome, Code: r.Code, Truncated: r.Truncated,
		Violations: make([]execViolation, len(r.Violations)), Degraded: policies.Names(r.Degraded),
		Usage: execUsage{
			WallMillis: r.Usage.Wall.Milliseconds(), CPUMillis: r.Usage.CPU.Milliseconds(), MaxRSSBytes: r.Usage.MaxMemory,
		},
	}
	if r.Outcome == sandbox.Signalled {
		report.Signal = r.Signal.String()
	}
	for i, v := range r.Violations {
		report.Violations[i] = execViolation{
			ID: v.ID, Type: string(v.Type), Severity: v.Severity.String(), Syscall: v.Syscall,
			Detail: v.Detail, Count: v.Count, Action: v.Action, PID: v.PID, Command: v.Command,
		}
	}
	report.Connections = execConnections(r.Connections)
	report.setStreams(r.Stdout, r.Stderr)
	return report
}

func (e *execReport) setStreams(stdout, stderr []byte) {
	e.Stdout, e.Stderr = string(stdout), string(stderr)
	if strings.ToValidUTF8(e.Stdout, "") != e.Stdout || strings.ToValidUTF8(e.Stderr, "") != e.Stderr {
		e.Base64 = true
		e.Stdout = base64.StdEncoding.EncodeToString(stdout)
		e.Stderr = base64.StdEncoding.EncodeToString(stderr)
	}
}
