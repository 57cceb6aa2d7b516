package worker

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/published"
	"lazaret.dev/lazaret/workflows/definition"
)

// publishText publishes a document.
func publishText(t *testing.T, s *session, text string) publication {
	t.Helper()
	p, err := s.publish(t.Context(), bundleOf(t, text))
	require.NoError(t, err)
	return p
}

func bundleOf(t *testing.T, text string) *bundle {
	t.Helper()
	def, err := definition.Parse("definition.yaml", []byte(text))
	require.NoError(t, err)
	return &bundle{def: def, source: contract.Source{File: "definition.yaml", Document: text, Digest: def.Digest}}
}

// startPlain starts a workflow type as the Web UI, the temporal CLI and SDKs do:
// arguments are payloads of plain JSON.
func startPlain(t *testing.T, s *session, workflowType string, arguments ...any) client.WorkflowRun {
	t.Helper()
	run, err := s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: contract.TaskQueue}, workflowType, arguments...)
	require.NoError(t, err)
	return run
}

func resultOf(t *testing.T, s *session, run client.WorkflowRun) (json.RawMessage, error) {
	t.Helper()
	return follow(t.Context(), s.Client, run, nil)
}

func requireFaultOf(t *testing.T, err error, kind, detail string) {
	t.Helper()
	var fault *contract.Fault
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, kind, fault.Type)
	assert.Contains(t, fault.Detail, detail)
}

// everyWay is a document whose output depends on its input, on its context, on
// what the language says of the run, and on a sandboxed script.
const everyWay = `
document: {dsl: 1.0.3, namespace: published, name: every-way, version: 1.0.0, title: Every way, metadata: {schedule: {input: {n: 12}}}}
schedule: {cron: 0 0 1 1 *}
input: {schema: {document: {type: object, required: [n]}}}
do:
  - keep: {set: {n: '${ .n }', big: 9007199254740993}, export: {as: '{kept: .n}'}}
  - square: {run: {script: {language: python, arguments: {n: '${ .n }'}, code: 'print(n * n, end="")'}}}
  - show: {set: {square: '${ . | tonumber }', kept: '${ $context.kept }', input: '${ $workflow.input }', runtime: '${ $runtime }'}}
`

// seen is what list and describe show of an execution, less its own name and times.
func seen(t *testing.T, s *session, run client.WorkflowRun) description {
	t.Helper()
	answer, err := s.DescribeWorkflowExecution(t.Context(), run.GetID(), "")
	require.NoError(t, err)
	info := answer.GetWorkflowExecutionInfo()
	e := describeInfo(info)
	state, err := s.state(t.Context(), run.GetID())
	require.NoError(t, err)
	require.Equal(t, state.Status, attribute(info, contract.AttributeState))
	return description{
		executionInfo: executionInfo{Definition: e.Definition, Version: e.Version, Digest: e.Digest, Status: e.Status},
		Tasks:         state.Tasks, Fault: state.Fault,
	}
}

const versioned = `
document: {dsl: 1.0.3, namespace: published, name: versioned, version: VERSION}
do: [a: {set: {version: VERSION, text: TEXT}}]
`

func versionText(version, text string) string {
	return strings.NewReplacer("VERSION", version, "TEXT", text).Replace(versioned)
}

// TestPublished_VersionsNeverChange: a version is one document for ever, deleted
// or not; latest is the highest, not the last published.
func TestPublished_VersionsNeverChange(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	first := publishText(t, s, versionText("1.10.0", "a"))
	assert.False(t, first.Unchanged)
	publishText(t, s, versionText("1.9.0", "a"))
	again := publishText(t, s, versionText("1.10.0", "a"))
	assert.True(t, again.Unchanged)
	assert.Equal(t, first.PublishedAt, again.PublishedAt)
	assertVersion(t, s, "published/versioned", `{"version": "1.10.0", "text": "a"}`)

	other := bundleOf(t, versionText("1.10.0", "b"))
	_, err := s.publish(t.Context(), other)
	require.ErrorContains(t, err, "definition.yaml:2:63: published/versioned:1.10.0 is published with other content")
	require.ErrorContains(t, err, "raise document.version [publish.version]")

	running := startPlain(t, s, "published/versioned:1.9.0")
	_, err = s.store().Delete(t.Context(), "published", "versioned", contract.Deletion{Version: "1.10.0", By: "me"})
	require.NoError(t, err)
	_, err = resultOf(t, s, running)
	require.NoError(t, err)
	assertVersion(t, s, "published/versioned", `{"version": "1.9.0", "text": "a"}`)
	_, err = resultOf(t, s, startPlain(t, s, "published/versioned:1.10.0"))
	requireFaultOf(t, err, contract.ConfigurationError, "published/versioned:1.10.0 is deleted, since 2")
	_, err = s.publish(t.Context(), other)
	require.ErrorContains(t, err, "was published, and deleted, with other content")
	_, err = s.store().Delete(t.Context(), "published", "versioned", contract.Deletion{Version: "1.10.0"})
	require.ErrorAs(t, err, new(*published.Rejected))

	restored := publishText(t, s, versionText("1.10.0", "a"))
	assert.False(t, restored.Unchanged)
	assertVersion(t, s, "published/versioned", `{"version": "1.10.0", "text": "a"}`)
	index, err := s.store().Index(t.Context(), "published", "versioned")
	require.NoError(t, err)
	assert.Equal(t, "1.10.0", index.Latest)
	assert.Len(t, index.Versions, 2)
}

func assertVersion(t *testing.T, s *session, workflowType, want string) {
	t.Helper()
	got, err := resultOf(t, s, startPlain(t, s, workflowType))
	require.NoError(t, err)
	assert.JSONEq(t, want, string(got))
}

// TestPublished_DeletedWhileRunning: what runs carries its definition.
func TestPublished_DeletedWhileRunning(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	publishText(t, s, `
document: {dsl: 1.0.3, namespace: published, name: deleted, version: 1.0.0}
do: [nap: {wait: {seconds: 2}}, done: {set: {done: true}}]
`)
	run := startPlain(t, s, "published/deleted")
	pollUntil(t, "it naps", func() bool {
		state, err := s.state(t.Context(), run.GetID())
		return err == nil && task(state, "nap").Status == "running"
	})
	_, err := s.store().Delete(t.Context(), "published", "deleted", contract.Deletion{Version: "1.0.0"})
	require.NoError(t, err)
	output, err := resultOf(t, s, run)
	require.NoError(t, err)
	assert.JSONEq(t, `{"done": true}`, string(output))
	_, err = resultOf(t, s, startPlain(t, s, "published/deleted"))
	requireFaultOf(t, err, contract.ConfigurationError, "published/deleted:latest is deleted, as is every other version")
}

// TestPublished_BadStarts: a start that names or carries nothing usable fails at
// once, with a type and a reason, and is listed.
func TestPublished_BadStarts(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	publishText(t, s, everyWay)
	raw := func(encoding, data string) converter.RawValue {
		return converter.NewRawValue(&commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte(encoding)}, Data: []byte(data)})
	}
	for name, test := range map[string]struct {
		workflowType string
		arguments    []any
		kind, detail string
	}{
		"unknown":      {"published/every-wax", nil, contract.ConfigurationError, `published/every-wax:latest is not published; did you mean "published/every-way"?`},
		"version":      {"published/every-way:2.0.0", nil, contract.ConfigurationError, "published/every-way:2.0.0 is not published; there are 1.0.0"},
		"no name":      {"every-way", nil, contract.ConfigurationError, `workflow type "every-way" is not the NAMESPACE/NAME`},
		"schema":       {"published/every-way", []any{map[string]any{}}, contract.ValidationError, "missing"},
		"two inputs":   {"published/every-way", []any{1, 2}, contract.ValidationError, "takes one input"},
		"binary":       {"published/every-way", []any{[]byte{1}}, contract.ValidationError, `the input is encoded as "binary/plain"; give it as JSON`},
		"protobuf":     {"published/every-way", []any{raw("json/protobuf", "{}")}, contract.ValidationError, `the input is encoded as "json/protobuf"`},
		"not JSON":     {"published/every-way", []any{raw("json/plain", "{n: 1")}, contract.ValidationError, "the input is not valid JSON"},
		"other digest": {"published/every-way", []any{contract.Start{Published: contract.PublishedRef{Version: "1.0.0", Digest: strings.Repeat("0", 64)}}}, contract.ConfigurationError, "is published with other content"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := startPlain(t, s, test.workflowType, test.arguments...)
			_, err := resultOf(t, s, run)
			requireFaultOf(t, err, test.kind, test.detail)
		})
	}
	unknown := startPlain(t, s, "published/unknown")
	_, err := resultOf(t, s, unknown)
	require.Error(t, err)
	state, err := s.state(t.Context(), unknown.GetID())
	require.NoError(t, err)
	assert.Equal(t, "faulted", state.Status)
	assert.Equal(t, "published/unknown", state.Definition)
}

// TestPublished_PinnedOnce: an execution has one answer of what a name means.
func TestPublished_PinnedOnce(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	child := func(version string) string {
		return "\ndocument: {dsl: 1.0.3, namespace: published, name: pinned, version: " + version + "}\ndo: [a: {set: '${ \"" + version + "\" }'}]\n"
	}
	publishText(t, s, child("1.0.0"))
	run := beginDocument(t, s, `
document: {dsl: 1.0.3, namespace: published, name: pinning, version: 1.0.0}
do:
  - before: {run: {workflow: {namespace: published, name: pinned, version: latest}}, export: {as: '{before: .}'}}
  - nap: {wait: {seconds: 2}}
  - after: {run: {workflow: {namespace: published, name: pinned, version: latest}}}
  - show: {set: '${ [$context.before, .] }'}
`)
	pollUntil(t, "it naps", func() bool {
		state, err := s.state(t.Context(), run.GetID())
		return err == nil && task(state, "nap").Status == "running"
	})
	publishText(t, s, child("2.0.0"))
	output, err := resultOf(t, s, run)
	require.NoError(t, err)
	assert.JSONEq(t, `["1.0.0", "1.0.0"]`, string(output))
}

// TestPublished_IndexIsRenewed: an index continues as new, and its versions with it.
func TestPublished_IndexIsRenewed(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	first := publishText(t, s, renewedText(0))
	id := contract.IndexID("published", "renewed")
	before, err := s.DescribeWorkflow(t.Context(), id, "")
	require.NoError(t, err)
	const versions = 120
	for i := 1; i < versions; i++ {
		publishText(t, s, renewedText(i))
	}
	after, err := s.DescribeWorkflow(t.Context(), id, "")
	require.NoError(t, err)
	assert.NotEqual(t, before.WorkflowExecution.RunID, after.WorkflowExecution.RunID)
	index, err := s.store().Index(t.Context(), "published", "renewed")
	require.NoError(t, err)
	assert.Len(t, index.Versions, versions)
	assert.Equal(t, first.PublishedVersion, index.Versions[versions-1])
	assert.True(t, publishText(t, s, renewedText(0)).Unchanged)
	entries, err := s.store().List(t.Context())
	require.NoError(t, err)
	for _, e := range entries {
		if e.Name == "published/renewed" {
			assert.Equal(t, versions, e.Versions)
			assert.Equal(t, index.Latest, e.Latest)
		}
	}
}

func renewedText(i int) string {
	return "\ndocument: {dsl: 1.0.3, namespace: published, name: renewed, version: 1." + strings.Repeat("1", 1+i/10) + "." + string(rune('0'+i%10)) + "}\ndo: [a: {set: {x: 1}}]\n"
}
