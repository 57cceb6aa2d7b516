package activities

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// Auditor keeps the record of what was done and refused; *audit.Log is one. What
// it cannot record does not happen.
type Auditor interface {
	Append(audit.Event) (uint64, error)
}

// recorder writes the audit lines of one run of a program, or of one call.
type recorder struct {
	log   Auditor
	about audit.Event // the fields that all its lines share
}

func (p *Processes) recorder(request contract.Process, policy policies.Effective, attempt string) recorder {
	return newRecorder(p.Audit, request.Task, policy, attempt)
}

func newRecorder(log Auditor, task contract.TaskID, policy policies.Effective, attempt string) recorder {
	return recorder{log: log, about: audit.Event{
		Namespace: task.Namespace, Name: task.Name, Version: task.Version, Digest: task.Digest,
		Level: policy.Level.String(), Policy: policy.PolicyDigest, Execution: task.Execution, Task: task.Reference, Activity: attempt,
	}}
}

// write appends one line; fill completes what the lines share.
func (r recorder) write(kind audit.Kind, fill func(*audit.Event)) error {
	if r.log == nil {
		return nil
	}
	event := r.about
	event.Kind = kind
	fill(&event)
	if _, err := r.log.Append(event); err != nil {
		return &contract.Fault{
			Type: contract.AuditUnavailable, Status: 503, Title: "Audit log unavailable",
			Detail: "nothing runs that cannot be recorded: " + err.Error(),
		}
	}
	return nil
}

// began comes before the program does.
func (r recorder) began(spec sandbox.Spec) error {
	return r.write(audit.Script, func(e *audit.Event) { e.Outcome, e.ID = "begin", spec.ID })
}

// orRefused returns the error after recording it, if it is a policy's: the
// program does not start.
func (r recorder) orRefused(err error) error {
	fault := (*contract.Fault)(nil)
	if errors.As(err, &fault) {
		if failed := r.marked(fault); failed != nil {
			return failed
		}
	}
	if fault == nil || fault.Type != contract.Refused && fault.Type != contract.AuthorizationError {
		return err
	}
	return cmp.Or(r.write(audit.Denied, func(e *audit.Event) { e.Type, e.Outcome, e.Message = fault.Type, "refused", fault.Detail }), err)
}

// found records what the checker says about the script (B54), and what the script rates.
func (r recorder) found(findings []checker.Finding, risk checker.Risk) error {
	for _, f := range findings {
		err := r.write(audit.Finding, func(e *audit.Event) {
			e.Type, e.Subject, e.Outcome, e.Message = f.Rule, f.Subject, f.Response.String(), f.Message
			e.Detail = map[string]string{
				"line": strconv.Itoa(f.Line), "column": strconv.Itoa(f.Column), "snippet": f.SnippetHash,
				"risk": risk.Rating.String(), "score": strconv.Itoa(risk.Score),
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ended records a run: each kind of violation (A27), each connection, and what it used.
func (r recorder) ended(result sandbox.Result) error {
	for _, v := range result.Violations {
		if err := r.violation(v); err != nil {
			return err
		}
	}
	for _, c := range result.Connections {
		err := r.write(audit.Connection, func(e *audit.Event) {
			e.Subject, e.Outcome = net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), c.Failure
			e.Detail = map[string]string{
				"address": c.Address, "bytesIn": fmt.Sprint(c.BytesIn), "bytesOut": fmt.Sprint(c.BytesOut), "duration": c.Duration.Round(time.Millisecond).String(),
			}
		})
		if err != nil {
			return err
		}
	}
	return r.write(audit.Script, func(e *audit.Event) {
		e.Outcome, e.Count = string(result.Outcome), int64(len(result.Violations))
		e.Detail = map[string]string{
			"code": strconv.Itoa(result.Code), "wallMs": fmt.Sprint(result.Usage.Wall.Milliseconds()),
			"degraded": strings.Join(policies.Names(result.Degraded), ","),
			"cpuMs":    fmt.Sprint(result.Usage.CPU.Milliseconds()), "maxRssBytes": fmt.Sprint(result.Usage.MaxMemory),
		}
	})
}

func (r recorder) violation(v sandbox.Violation) error {
	return r.write(audit.Violation, func(e *audit.Event) {
		e.ID, e.Type, e.Severity, e.Subject = v.ID, string(v.Type), v.Severity.String(), v.Detail
		e.Outcome, e.Count = v.Action, int64(v.Count)
		e.Detail = map[string]string{"syscall": v.Syscall, "pid": strconv.Itoa(v.PID), "command": v.Command}
	})
}
