package worker

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

const caseFolder = "../testdata/cases"

// TestCases runs testdata/cases, whose README says how to write one, on the
// shared Temporal.
func TestCases(t *testing.T) { //nolint:tparallel // other tests stop workers, and must not do it beside these
	files, err := filepath.Glob(filepath.Join(caseFolder, "*.txtar"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			needBroker(t, file)
			readCase(t, file).run(t, temporalSession(t))
		})
	}
}

// testCase is one file of testdata/cases.
type testCase struct {
	definition  string
	library     []string
	input       json.RawMessage
	want        []byte // want.json, or nil
	wantError   []byte // want.error, or nil
	wantHistory []string
	events      []string
	startedBy   string // what starts it; empty is the test
}

func readCase(t *testing.T, file string) *testCase {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	require.Regexp(t, `\A[A-Z].+\(.+\)\.\n`, string(archive.Comment), "the first line says what is shown and (which requirement it meets).")
	c := &testCase{}
	for _, f := range archive.Files {
		switch {
		case f.Name == "definition.yaml":
			c.definition = withSources(t, string(f.Data))
		case strings.HasPrefix(f.Name, "library/"):
			c.library = append(c.library, string(f.Data))
		case f.Name == "input.json":
			c.input = f.Data
		case f.Name == "want.json":
			c.want = f.Data
		case f.Name == "want.error":
			c.wantError = f.Data
		case f.Name == "want.history":
			c.wantHistory = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		case f.Name == "start":
			c.startedBy = strings.TrimSpace(string(f.Data))
		case f.Name == "events":
			c.events = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		default:
			t.Fatalf("unknown section %s", f.Name)
		}
	}
	require.NotEqual(t, c.want == nil, c.wantError == nil, "give want.json or want.error")
	return c
}

// withSources puts the address of the shared worker's source host for SOURCES.
func withSources(t *testing.T, text string) string {
	t.Helper()
	if strings.Contains(text, "SOURCES") {
		temporalSession(t) // starts it
	}
	return strings.ReplaceAll(text, "SOURCES", scriptSite.base)
}

func (c *testCase) run(t *testing.T, s *session) {
	t.Helper()
	def, err := definition.Parse("definition.yaml", []byte(c.definition))
	if err != nil {
		c.compareRefusal(t, err)
		return
	}
	run := c.begin(t, s, def)
	first := run.GetRunID()
	output, err := follow(t.Context(), s.Client, run, nil)
	c.compare(t, output, err)
	c.compareHistory(t, s, run.GetID(), first)
	c.compareDefinition(t, def)
}

// begin starts the case, and sends its events.
func (c *testCase) begin(t *testing.T, s *session, def *definition.Definition) client.WorkflowRun {
	t.Helper()
	switch c.startedBy {
	case "event":
		return c.beginByEvent(t, s)
	case "schedule":
		publishText(t, s, c.definition)
		done, err := s.applySchedule(t.Context(), bundleOf(t, c.definition))
		require.NoError(t, err)
		return s.GetWorkflow(t.Context(), triggered(t, s, done.ID), "")
	}
	require.Empty(t, c.startedBy, "start is event or schedule")
	p := &prepared{bundle: &bundle{def: def}, start: c.start(t, def)}
	run, err := s.begin(t.Context(), p, "")
	require.NoError(t, err)
	c.sendEvents(t, s, run)
	return run
}

func (c *testCase) start(t *testing.T, def *definition.Definition) contract.Start {
	t.Helper()
	start := contract.Start{
		Definition: contract.Source{File: "definition.yaml", Document: c.definition, Digest: def.Digest},
		Input:      c.input,
		Runtime:    testBuild.Version,
	}
	for _, document := range c.library {
		child, err := definition.Parse("library.yaml", []byte(document))
		require.NoError(t, err)
		start.Library = append(start.Library, contract.Source{File: "library.yaml", Document: document, Digest: child.Digest})
	}
	return start
}

// compareRefusal holds want.error's rule against the findings.
func (c *testCase) compareRefusal(t *testing.T, err error) {
	t.Helper()
	var findings definition.Findings
	require.ErrorAs(t, err, &findings)
	require.NotNil(t, c.wantError, "the definition is refused: %v", err)
	var rules []string
	for _, f := range findings {
		rules = append(rules, f.Rule)
	}
	want := c.errorMembers(t)
	require.Contains(t, want, "rule", "the definition is refused: %v", err)
	assert.Contains(t, rules, want["rule"])
}

func (c *testCase) errorMembers(t *testing.T) map[string]any {
	t.Helper()
	require.NotNil(t, c.wantError, "an error, but want.json is there")
	var want map[string]any
	require.NoError(t, json.Unmarshal(c.wantError, &want))
	return want
}

func (c *testCase) compare(t *testing.T, output json.RawMessage, err error) {
	t.Helper()
	if c.want != nil {
		require.NoError(t, err)
		assert.Equal(t, exactJSON(t, c.want), exactJSON(t, output))
		return
	}
	var fault *contract.Fault
	require.ErrorAs(t, err, &fault, "output %s", output)
	c.compareFault(t, fault)
}

// compareFault compares the members that want.error has; detail is a regular expression.
func (c *testCase) compareFault(t *testing.T, fault *contract.Fault) {
	t.Helper()
	data, err := json.Marshal(fault)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(data, &got))
	want := c.errorMembers(t)
	if pattern, ok := want["detail"].(string); ok {
		assert.Regexp(t, pattern, fault.Detail)
		delete(want, "detail")
	}
	for member, value := range want {
		assert.Equal(t, value, got[member], member)
	}
}

// exactJSON decodes without rounding numbers.
func exactJSON(t *testing.T, data []byte) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	var value any
	require.NoError(t, decoder.Decode(&value), "%s", data)
	return value
}

// compareDefinition shows that running changed nothing of the definition.
func (c *testCase) compareDefinition(t *testing.T, def *definition.Definition) {
	t.Helper()
	fresh, err := definition.Parse("definition.yaml", []byte(c.definition))
	require.NoError(t, err)
	assert.Equal(t, fresh.Raw, def.Raw)
	assert.Equal(t, fresh.Source, def.Source)
}

// compareHistory holds the lines of want.history against what Temporal recorded.
func (c *testCase) compareHistory(t *testing.T, s *session, id, runID string) {
	t.Helper()
	comparePolicies(t, historyEvents(t, s, id, runID))
	if len(c.wantHistory) == 0 {
		return
	}
	recorded := recordedHistory(t, s, id, runID)
	for _, line := range c.wantHistory {
		what, value, _ := strings.Cut(line, " ")
		switch what {
		case "delays":
			assert.Equal(t, value, strings.Join(recorded.delays, " "), what)
		case "children-completed":
			assert.Equal(t, value, strconv.Itoa(completedChildren(t, s, recorded.childIDs)), what)
		default:
			require.Contains(t, countedEvents, what)
			assert.Equal(t, value, strconv.Itoa(recorded.counts[countedEvents[what]]), what)
		}
	}
}

// countedEvents are the words of want.history that count events.
var countedEvents = map[string]enumspb.EventType{
	"workflow-tasks":    enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
	"activities":        enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
	"timers":            enumspb.EVENT_TYPE_TIMER_STARTED,
	"children":          enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
	"cancelled-timers":  enumspb.EVENT_TYPE_TIMER_CANCELED,
	"cancelled-scripts": enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
	"continued":         enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
}

type recording struct {
	counts   map[enumspb.EventType]int
	delays   []string // of the timers, in order
	childIDs []string
}

func recordedHistory(t *testing.T, s *session, id, runID string) recording {
	t.Helper()
	r := recording{counts: map[enumspb.EventType]int{}}
	for _, event := range historyEvents(t, s, id, runID) {
		r.counts[event.GetEventType()]++
		if timer := event.GetTimerStartedEventAttributes(); timer != nil {
			r.delays = append(r.delays, timer.GetStartToFireTimeout().AsDuration().String())
		}
		if child := event.GetStartChildWorkflowExecutionInitiatedEventAttributes(); child != nil {
			r.childIDs = append(r.childIDs, child.GetWorkflowId())
		}
	}
	return r
}

func historyEvents(t *testing.T, s *session, id, runID string) []*historypb.HistoryEvent {
	t.Helper()
	var events []*historypb.HistoryEvent
	all := s.GetWorkflowHistory(t.Context(), id, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for all.HasNext() {
		event, err := all.Next()
		require.NoError(t, err)
		events = append(events, event)
	}
	return events
}

// completedChildren waits for the ends of executions that may outlive their
// parent, and counts those that completed.
func completedChildren(t *testing.T, s *session, ids []string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	completed := 0
	for _, id := range ids {
		_, err := follow(ctx, s.Client, s.GetWorkflow(ctx, id, ""), nil)
		require.NoError(t, ctx.Err(), "child %s has not ended", id)
		if err == nil {
			completed++
		}
	}
	return completed
}

// noStickyCache, set to 1, makes this process's workers replay the whole history
// with every workflow task.
const noStickyCache = "LAZARET_TEST_NO_STICKY_CACHE"

func init() {
	if os.Getenv(noStickyCache) == "1" {
		sdkworker.SetStickyWorkflowCacheSize(0)
	}
}

// TestCases_WithoutStickyCache runs all cases in another process, where every
// workflow task begins with a replay.
func TestCases_WithoutStickyCache(t *testing.T) {
	if testing.Short() || os.Getenv(noStickyCache) != "" {
		t.Skip("runs all cases again")
	}
	own, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), own, "-test.run=^TestCases$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), noStickyCache+"=1")
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
}
