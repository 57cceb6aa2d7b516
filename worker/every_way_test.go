package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
)

// waysInput is what every document of ways gets.
const waysInput = `{"n": 12}`

// ways are documents of differing features, with what each gives: an output, or
// a fault whose type and detail end and begin as written.
var ways = []struct{ name, body, want, fault string }{
	{
		"descriptors", `
do:
  - show: {set: {runtime: '${ $runtime }', input: '${ $workflow.input }', name: '${ $workflow.definition.document.name }', task: '${ [$task.reference, $task.input] }', id: '${ $workflow.id | type }'}}
`,
		`{"runtime": {"name": "lazaret", "version": "v0.0.0-test", "metadata": {}}, "input": {"n": 12}, "name": "descriptors", "task": ["/do/0/show", {"n": 12}], "id": "string"}`, "",
	},
	{
		"loops", `
do:
  - each: {input: {from: '[]'}, for: {each: i, in: '[range($workflow.input.n)]', at: k}, while: '$k < 4', do: [add: {set: '${ . + [$i * $k] }', export: {as: '{last: $i}'}}]}
  - both: {fork: {branches: [{left: {set: '${ . | add }', export: {as: '{left: true}'}}}, {right: {wait: {milliseconds: 20}, output: {as: 'length'}, export: {as: '{right: true}'}}}]}}
output: {as: '[., $context]'}
`,
		`[[14, 4], {"left": true, "right": true}]`, "",
	},
	{
		"caught", `
use: {retries: {twice: {delay: {milliseconds: 10}, limit: {attempt: {count: 2}}}}, errors: {busy: {type: 'https://example.com/busy', status: 503, title: '${ "busy \(.n)" }'}}}
do:
  - guarded:
      try: [count: {set: '${ . }', export: {as: '{n: (($context.n // 0) + 1)}'}}, fail: {raise: {error: busy}}]
      catch: {errors: {with: {status: 503}}, retry: twice, do: [tell: {set: '${ [$error.title, $error.instance, $context.n] }'}]}
`,
		`["busy 12", "/do/0/guarded/try/1/fail", 3]`, "",
	},
	{
		"raised", `
do:
  - nest: {do: [fail: {raise: {error: {type: 'https://example.com/broken', status: 418, title: Broken, detail: '${ "n is \(.n)" }'}}}]}
`,
		"", "https://example.com/broken n is 12",
	},
	{
		"refused", `
output: {as: '{n: (.n | tostring)}', schema: {document: {type: object, properties: {n: {type: integer}}}}}
do:
  - keep: {set: '${ . }'}
`,
		"", "/validation ",
	},
	{
		"late", `
timeout: {after: {seconds: 8}} # by then its first task has begun, however slow the machine
do:
  - guarded: {try: [nap: {wait: {hours: 1}}], catch: {do: [never: {set: {caught: true}}]}}
`,
		"", "/timeout ",
	},
	{
		"programs", `
do:
  - shell: {run: {shell: {command: 'cat; echo "$1" >&2; exit 3', stdin: '${ .n }', arguments: [word]}, return: all}, export: {as: '.'}}
  - script: {run: {script: {language: python, arguments: ['${ $context.code }'], code: 'import sys; print(sys.argv[1:], end="")'}}}
  - show: {set: '${ [$context, .] }'}
`,
		`[{"code": 3, "stdout": "12", "stderr": "word\n"}, "['3']"]`, "",
	},
	{
		"functions", `
use:
  functions: {double: {input: {schema: {document: {type: object, required: [x]}}}, set: '${ .x * 2 }'}}
  extensions: [around: {extend: set, when: '$task.name == "skipped"', before: [instead: {set: instead, then: exit}]}]
do:
  - double: {call: double, with: {x: '${ .n }'}}
  - choose: {switch: [big: {when: '. > 20', then: skipped}, small: {then: end}]}
  - never: {set: never}
  - skipped: {set: never, export: {as: '{said: .}'}} # not: it was bypassed
  - show: {set: '${ [., $context] }'}
`,
		`["instead", {}]`, "",
	},
	{
		"calls", `
use: {secrets: [login]}
do:
  - ask: {call: http, with: {method: get, endpoint: {uri: 'https://api.example.com/basic/{n}', authentication: {basic: {use: login}}}, headers: {X-Key: '${ "k\(.n)" }'}}, output: {as: '[.uri, .key]'}}
  - tell: {emit: {event: {with: {id: same, time: '2026-11-26T12:00:00Z', type: case.way, data: '${ . }'}}}, output: {as: '[.source, .data]'}}
`,
		`["/cases/calls/1.0.0", ["/basic/12", "k12"]]`, "",
	},
	{
		"loose", `
evaluate: {mode: loose}
do:
  - show: {set: {n: '.n', text: 'hello world', on: no, big: 9007199254740993}}
`,
		`{"n": 12, "text": "hello world", "on": "no", "big": 9007199254740993}`, "",
	},
}

// TestPublished_EveryWayIsTheSame: the same document gives the same result, or
// the same fault, through run and submit, through the start of the UI and the
// temporal CLI, by a schedule and as a child, and is seen in the same way.
func TestPublished_EveryWayIsTheSame(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			text := "document: {dsl: 1.0.3, namespace: cases, name: " + way.name + ", version: 1.0.0, metadata: {schedule: {input: " + waysInput + "}}}\n" +
				"schedule: {cron: 0 0 1 1 *}" + way.body
			want, fault := "", ""
			var first client.WorkflowRun
			for i, run := range startEveryWay(t, s, way.name, text) {
				output, err := resultOf(t, s, run.Run)
				if i == 0 {
					want, fault, first = string(output), faultText(err), run.Run
					if way.want != "" {
						require.NoError(t, err)
						require.Equal(t, exactJSON(t, []byte(way.want)), exactJSON(t, output))
					} else {
						kind, detail, _ := strings.Cut(way.fault, " ")
						requireFaultOf(t, err, errorType(kind), detail)
					}
					continue
				}
				assert.Equal(t, want, string(output), run.How)
				assert.Equal(t, fault, faultText(err), run.How)
				if run.How == "child" {
					run.Run = s.GetWorkflow(t.Context(), run.Run.GetID()+"/1", "")
				}
				assert.Equal(t, seen(t, s, first), seen(t, s, run.Run), run.How)
			}
			for how, command := range map[string][]string{"run": {"run"}, "submit": {"submit", "--wait"}} {
				id, output, told := commandWay(t, command, way.name, text)
				assert.Equal(t, want, output, how)
				assert.Equal(t, fault, told, how)
				assert.Equal(t, seen(t, s, first), seen(t, s, s.GetWorkflow(t.Context(), id, "")), how)
			}
		})
	}
}

// started is an execution and how it was.
type started struct {
	How string
	Run client.WorkflowRun
}

func startEveryWay(t *testing.T, s *session, name, text string) []started {
	t.Helper()
	publishText(t, s, text)
	submitted, err := s.begin(t.Context(), document(t, text, waysInput), "")
	require.NoError(t, err)
	_, err = s.applySchedule(t.Context(), bundleOf(t, text))
	require.NoError(t, err)
	return []started{
		{"submitted", submitted},
		{"plain", startPlain(t, s, "cases/"+name, json.RawMessage(waysInput))},
		{"versioned", startPlain(t, s, "cases/"+name+":1.0.0", json.RawMessage(waysInput))},
		{"scheduled", s.GetWorkflow(t.Context(), triggered(t, s, "cases."+name), "")},
		{"child", beginDocument(t, s, fmt.Sprintf(`
document: {dsl: 1.0.3, namespace: cases, name: parent-of-%s, version: 1.0.0}
do: [child: {run: {workflow: {namespace: cases, name: %s, version: latest, input: %s}}}]
`, name, name, waysInput))},
	}
}

// commandWay runs a document by a lazaret process of its own. It returns the execution's
// id, and its output or the text of its fault.
func commandWay(t *testing.T, command []string, name, text string) (id, output, fault string) {
	t.Helper()
	id = strings.Join([]string{command[0], "process", name}, "-")
	value, err := asProcess(t.Context(), t.TempDir(), text, append(command, "--id", id, "--input", waysInput)...)
	return id, string(value), faultText(err)
}

// asProcess runs a document, kept in dir, by a lazaret process, which finds the shared
// Temporal by its folder as it finds that of lazaret up. It returns what the process
// gave: an output, or a *contract.Fault with the exit code that it has.
func asProcess(ctx context.Context, dir, text string, command ...string) (json.RawMessage, error) {
	file := filepath.Join(dir, "definition.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "lazaret", append(command, file, "--state-dir", sharedTemporal.dir)...)
	var stdout, stderr, output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ended := cmd.Run()
	if ended == nil {
		err := json.Compact(&output, stdout.Bytes())
		return output.Bytes(), err
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	told := &contract.Fault{}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), told); err != nil || stdout.Len() > 0 || faultCode(told) != cmd.ProcessState.ExitCode() {
		return nil, fmt.Errorf("%w: stdout %q, stderr %s", ended, stdout.String(), stderr.String())
	}
	return nil, told
}

// errorType is a standard error's type, by its last part.
func errorType(kind string) string {
	if strings.HasPrefix(kind, "/") {
		return "https://serverlessworkflow.io/spec/1.0.0/errors" + kind
	}
	return kind
}

func faultText(err error) string {
	var fault *contract.Fault
	if !errors.As(err, &fault) {
		return fmt.Sprint(err)
	}
	if fault.Instance == "/do/0/child" { // the parent's task, where the child's fault has none
		fault.Instance = ""
	}
	return fmt.Sprintf("%+v", *fault)
}
