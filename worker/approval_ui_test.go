package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"lazaret.dev/lazaret/activities/contract"
)

// An approval is waited for while a loop beside it works so long that the run
// continues as new.
const longApproval = `document: {dsl: 1.0.3, namespace: ops, name: long, version: 1.0.0}
do:
  - both:
      fork:
        branches:
          - loop:
              for: {each: n, in: '[range(240)]'}
              do:
                - add: {set: '${ 0 * ([range(60000)] | length) }'}
          - stop: {call: libvirt.domain.stop, with: {name: test, mode: force}}
`

// waiting is the digest of what an execution waits for a person to decide about.
func waiting(t *testing.T, s *session, id string, goesOn func(contract.State) bool) string {
	t.Helper()
	var digest string
	pollUntil(t, "it waits, and nothing else goes on", func() bool {
		state, err := s.state(t.Context(), id)
		if err != nil || len(state.Approvals) != 1 || goesOn(state) {
			return false
		}
		digest = state.Approvals[0].Digest
		return true
	})
	return digest
}

// TestUI_Approve approves an operation in Temporal's web interface, of an execution
// that has continued as new since it began to wait.
func TestUI_Approve(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	t.Parallel()
	browser := findBrowser(t)
	folder := t.TempDir()
	dir, policy := filepath.Join(folder, "state"), filepath.Join(folder, "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("libvirt: {uris: ['test:///default'], allowed_operations: [domain.stop], approval: [domain.stop]}"), 0o600))
	_, s := startUp(t, dir, nil, "--libvirt-policy", policy)
	run := beginDocument(t, s, longApproval)
	first := run.GetRunID()
	digest := waiting(t, s, run.GetID(), func(state contract.State) bool { return task(state, "loop").Status != "completed" })
	now, err := s.DescribeWorkflowExecution(t.Context(), run.GetID(), "")
	require.NoError(t, err)
	current := now.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	require.NotEqual(t, first, current)
	events := historyEvents(t, s, run.GetID(), first)
	require.Equal(t, enums.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, events[len(events)-1].GetEventType())

	p := openPage(t, browser, s)
	p.show("/namespaces/default/workflows/"+run.GetID()+"/"+current+"/history", "Running", "More Actions")
	p.click("User Metadata")
	p.await("waits for approval", digest)
	p.picture("awaits")
	p.decide("approve", digest)
	output, err := follow(t.Context(), s.Client, s.GetWorkflow(t.Context(), run.GetID(), ""), nil)
	require.NoError(t, err)
	require.Contains(t, string(output), `"shutoff"`)
	p.show("/namespaces/default/workflows/"+run.GetID(), "Completed")
	p.picture("approved")

	// Rejected, in the same way.
	run = beginDocument(t, s, strings.ReplaceAll(longApproval, "range(240)", "range(1)"))
	digest = waiting(t, s, run.GetID(), at("loop"))
	p.show("/namespaces/default/workflows/"+run.GetID(), "Running", "More Actions")
	p.decide("reject", digest)
	_, err = follow(t.Context(), s.Client, run, nil)
	require.ErrorContains(t, err, "domain.stop was rejected by ada: window of Tuesday")
}

// decide sends the Update, as its details say.
func (p *page) decide(update, digest string) {
	p.t.Helper()
	p.click("More Actions")
	p.click("Send an Update")
	p.await("Update ID")
	p.press(`[data-testid="update-select-button"]`)
	p.press(`[role=option]`, update)
	// Dialogs that are not shown have such editors, too.
	p.poll(`(() => {
		const found = [...document.querySelectorAll('.cm-content')].filter(e => e.isContentEditable && e.getClientRects().length > 0).pop();
		found?.focus();
		return found !== undefined && document.activeElement === found;
	})()`)
	decision := fmt.Sprintf(`{"digest": %q, "reviewer": "ada", "reason": "window of Tuesday"}`, digest)
	p.do(chromedp.ActionFunc(func(ctx context.Context) error { return input.InsertText(decision).Do(ctx) }))
	p.await(digest, "window of Tuesday")
	p.picture(update)
	p.click("Submit")
}
