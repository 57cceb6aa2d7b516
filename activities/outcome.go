package activities

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// errCancelled says that the run ended because its context did.
var errCancelled = errors.New("cancelled")

// conclude turns what the worker saw of a run into the task's result or fault.
func conclude(request contract.Process, level policies.Level, spec sandbox.Spec, r sandbox.Result) (contract.ProcessResult, error) {
	switch r.Outcome {
	case sandbox.Completed, sandbox.Failed:
		return ended(request, level, spec, r)
	case sandbox.Signalled:
		return none(coded(contract.CodeCrash, runtimeFault("the program was ended by signal %s%s", r.Signal, tail(r.Stderr))))
	case sandbox.TimedOut:
		return none(&contract.Fault{
			Type: contract.TimeoutError, Status: 408, Title: "Timeout", Code: timeCode(spec, r),
			Detail: fmt.Sprintf("the program ran longer than the %s that level %s allows", spec.Limits.Wall, level),
		})
	case sandbox.MemoryLimit:
		return none(coded(contract.CodeMemory, runtimeFault("the program needed more than the %d MiB of memory that level %s allows", spec.Limits.Memory>>20, level)))
	case sandbox.PidsLimit:
		return none(coded(contract.CodeResource, runtimeFault("the program needed more than the %d processes and threads that level %s allows%s", spec.Limits.Processes, level, tail(r.Stderr))))
	case sandbox.OutputLimit:
		return none(coded(contract.CodeResource, runtimeFault("the program wrote far more than the %d bytes of output that level %s allows", spec.Limits.Stdout, level)))
	case sandbox.Denied:
		return none(denied(level, r.Violations))
	case sandbox.Refused:
		return none(refused("the program was not started"))
	case sandbox.Cancelled:
		return contract.ProcessResult{}, errCancelled
	case sandbox.SandboxError:
	}
	return contract.ProcessResult{}, fmt.Errorf("sandbox: outcome %s%s", r.Outcome, tail(r.Stderr))
}

func coded(code string, fault *contract.Fault) *contract.Fault {
	fault.Code = code
	return fault
}

// timeCode tells a program that used up its processor time from one that took too long.
func timeCode(spec sandbox.Spec, r sandbox.Result) string {
	if spec.Limits.CPUTime > 0 && (spec.Limits.Wall == 0 || r.Usage.Wall < spec.Limits.Wall) {
		return contract.CodeCPU
	}
	return contract.CodeTimeout
}

func none(fault *contract.Fault) (contract.ProcessResult, error) {
	return contract.ProcessResult{}, fault
}

// ended shapes the result of a program that ran to its own end, with only the
// streams that run.return names.
func ended(request contract.Process, level policies.Level, spec sandbox.Spec, r sandbox.Result) (contract.ProcessResult, error) {
	form := request.Return
	if r.Code != 0 && (form == "stdout" || form == "none") {
		return none(runtimeFault("the program exited with code %d%s", r.Code, tail(r.Stderr)))
	}
	result := contract.ProcessResult{
		Code:       r.Code,
		Level:      level.String(),
		Violations: count(r.Violations),
		Degraded:   policies.Names(r.Degraded),
		WallMillis: r.Usage.Wall.Milliseconds(),
		CPUMillis:  r.Usage.CPU.Milliseconds(),
		MaxRSS:     r.Usage.MaxMemory,
	}
	if form == "stdout" || form == "all" {
		if fault := keep(&result.Stdout, "stdout", r.Stdout, spec.Limits.Stdout); fault != nil {
			return none(fault)
		}
	}
	if form == "stderr" || form == "all" {
		if fault := keep(&result.Stderr, "stderr", r.Stderr, spec.Limits.Stderr); fault != nil {
			return none(fault)
		}
	}
	return result, nil
}

// keep takes over a stream whole, or says why it cannot: never a part of it.
// Temporal's limit is on the JSON text, which may be longer than the stream.
func keep(into *string, name string, stream []byte, limit int64) *contract.Fault {
	if int64(len(stream)) >= limit {
		return runtimeFault("%s is over the limit of %d bytes; print less, or write a summary", name, limit)
	}
	if !utf8.Valid(stream) {
		return runtimeFault("%s is not UTF-8 text; encode binary output, for example as base64", name)
	}
	if size := jsonSize(stream); size > contract.MaxPayload/2 {
		return runtimeFault("%s is %d bytes as JSON, over the limit of %d", name, size, contract.MaxPayload/2)
	}
	*into = string(stream)
	return nil
}

// jsonSize is an upper bound of the length of valid UTF-8 text as a JSON string.
func jsonSize(text []byte) int {
	size := len(text) + 2
	for _, c := range text {
		switch {
		case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t':
			size++
		case c < 0x20 || c == '<' || c == '>' || c == '&':
			size += 5
		}
	}
	return size
}

func denied(level policies.Level, violations []sandbox.Violation) *contract.Fault {
	detail := "the program was ended for a violation of level " + level.String()
	if len(violations) > 0 {
		v := violations[len(violations)-1]
		detail += fmt.Sprintf(": %s (%s)", v.Type, strings.TrimSpace(v.Syscall+" "+oneLine(v.Detail, 200)))
	}
	return &contract.Fault{Type: contract.AuthorizationError, Status: 403, Title: "Security violation", Code: contract.CodeSecurity, Detail: detail, Violations: count(violations)}
}

func count(violations []sandbox.Violation) int {
	n := 0
	for _, v := range violations {
		n += v.Count
	}
	return n
}

func runtimeFault(format string, args ...any) *contract.Fault {
	return &contract.Fault{Type: contract.RuntimeError, Status: 500, Title: "Runtime error", Detail: fmt.Sprintf(format, args...)}
}

// maxTail bounds what of stderr an error carries: Temporal cuts a failure at 4 KiB.
const maxTail = 2 << 10

// tail is the end of a program's stderr, as hostile text made printable.
func tail(stderr []byte) string {
	if len(stderr) > maxTail {
		stderr = stderr[len(stderr)-maxTail:]
	}
	text := strings.TrimSpace(printable(string(stderr)))
	if text == "" {
		return ""
	}
	return "; stderr ends with:\n" + text
}

// oneLine is bounded printable text without line breaks.
func oneLine(text string, limit int) string {
	text = strings.ReplaceAll(printable(text), "\n", " ")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

// printable drops what could drive a terminal; line breaks and tabs stay.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r != utf8.RuneError && unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}
