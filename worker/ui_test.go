package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

const uiDefinition = `
document: {dsl: 1.0.3, namespace: ui, name: greet, version: 1.0.0}
do:
  - pause: {if: .slow, wait: {hours: 1}}
  - check: {if: .name == "fault", raise: {error: {type: 'https://example.com/bad-name', status: 422, title: Bad name}}}
  - greet:
      run: {script: {language: python, arguments: {name: '${ .name }'}, code: 'print("hello " + name, end="")'}}
`

// TestUI does in a browser what people do in Temporal's web interface: start a
// published definition by its name with plain JSON, look at its tasks, cancel
// one, read a fault, make a schedule and trigger it.
func TestUI(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	t.Parallel()
	browser := findBrowser(t)
	dir := filepath.Join(t.TempDir(), "state")
	_, s := startUp(t, dir, nil)
	file := filepath.Join(t.TempDir(), "greet.yaml")
	require.NoError(t, os.WriteFile(file, []byte(uiDefinition), 0o600))
	text, err := exec.CommandContext(t.Context(), "lazaret", "publish", "--state-dir", dir, file).CombinedOutput()
	require.NoError(t, err, string(text))
	p := openPage(t, browser, s)

	p.startExecution("ui-completed", "ui/greet", `{"name": "Ada"}`)
	p.show("/namespaces/default/workflows/ui-completed", "Completed", "hello Ada")
	p.click("Event History")
	p.await("run.script", "/do/2/greet")
	p.click("User Metadata")
	p.await("✓ greet run.script")
	p.picture("completed")

	p.startExecution("ui-cancelled", "ui/greet", `{"slow": true}`)
	p.show("/namespaces/default/workflows/ui-cancelled", "Running", "Request Cancellation")
	p.click("Request Cancellation")
	p.await("Are you sure")
	p.click("Confirm")
	p.await("Canceled")
	p.picture("cancelled")

	p.startExecution("ui-faulted", "ui/greet", `{"name": "fault"}`)
	p.show("/namespaces/default/workflows/ui-faulted", "Failed", "Bad name", "https://example.com/bad-name")
	p.picture("faulted")

	p.createSchedule("ui-nightly", "ui/greet", "ui-scheduled", `{"name": "Grace"}`)
	p.show("/namespaces/default/schedules/ui-nightly", "ui/greet")
	p.poll(`[...document.querySelectorAll('button')].filter(e => e.innerText.trim() === 'Pause' && e.parentElement.querySelectorAll('button').length > 1).map(e => e.parentElement.querySelectorAll('button')[1].click()).length > 0`)
	p.click("Trigger")
	p.await("Trigger Immediately")
	p.click("Trigger")
	p.picture("scheduled")
	awaitScheduled(t, s)
}

// findBrowser skips the test where there is none; not in CI, where it fails.
func findBrowser(t *testing.T) string {
	t.Helper()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("chromium is not installed: scripts/install test")
		}
		t.Skip("chromium is not installed: scripts/install test")
	}
	return browser
}

// awaitScheduled waits for the triggered execution, whose id ends in its time.
func awaitScheduled(t *testing.T, s *session) {
	t.Helper()
	pollUntil(t, "the triggered execution has ended", func() bool {
		found, err := s.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: `WorkflowId STARTS_WITH "ui-scheduled"`})
		return err == nil && len(found.Executions) == 1 && found.Executions[0].Status == enums.WORKFLOW_EXECUTION_STATUS_COMPLETED
	})
}

// page is a page of the web interface in a browser.
type page struct {
	t       *testing.T
	ctx     context.Context //nolint:containedctx // the browser's own, as its library has it
	session *session
	address string
}

// startBrowser starts a browser with nothing in it. Chromium sometimes crashes before it
// does anything; it is started again then, a few times.
func startBrowser(t *testing.T, browser string) context.Context {
	t.Helper()
	dir, err := os.MkdirTemp("", "lazaret-browser-") //nolint:usetesting // whose removal fails while the browser still writes
	require.NoError(t, err)
	t.Cleanup(func() { // the browser's processes write to it for a while after its end
		pollUntil(t, "the browser's folder is removed", func() bool { return os.RemoveAll(dir) == nil })
	})
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser), chromedp.NoSandbox, chromedp.WindowSize(1500, 1600), chromedp.UserDataDir(dir),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	for range 3 {
		allocated, end := chromedp.NewExecAllocator(t.Context(), options...)
		ctx, closeBrowser := chromedp.NewContext(allocated)
		t.Cleanup(func() { closeBrowser(); end() })
		if err = chromedp.Run(ctx); err == nil { // starts the browser, which ends with the context of this first call
			return ctx
		}
		t.Log(err)
	}
	require.NoError(t, err)
	return nil
}

// openPage logs a new browser in with a link that works once.
func openPage(t *testing.T, browser string, s *session) *page {
	t.Helper()
	ctx := startBrowser(t, browser)
	link, err := s.install.LoginLink(t.Context())
	require.NoError(t, err)
	running, _, err := s.install.Running()
	require.NoError(t, err)
	p := &page{t: t, ctx: ctx, session: s, address: "http://" + running.UIAddress}
	p.do(chromedp.Navigate(link.URL))
	return p
}

func (p *page) do(actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	err := chromedp.Run(ctx, actions...)
	for err != nil && strings.Contains(err.Error(), "Cannot find context") && ctx.Err() == nil {
		err = chromedp.Run(ctx, actions...) // the page replaced itself meanwhile
	}
	if err != nil {
		p.picture("failed")
		var text string
		_ = chromedp.Run(p.ctx, chromedp.Evaluate(`document.body.innerText`, &text))
		require.NoError(p.t, err, text)
	}
}

// show opens a path and waits until the page says all this.
func (p *page) show(path string, texts ...string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.address + path))
	p.await(texts...)
}

// visible is what a person can read: the page, its editors, and the frames that
// show what was written in Markdown.
const visible = `[document.body, ...document.querySelectorAll('.cm-content'), ...[...document.querySelectorAll('iframe')].map(f => f.contentDocument?.body)]
	.map(e => e?.innerText ?? '').join('\n').toLowerCase()`

func (p *page) await(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		p.poll(fmt.Sprintf(`%s.includes(%s.toLowerCase())`, visible, quoted(text)))
	}
}

func (p *page) poll(condition string) {
	p.t.Helper()
	p.do(chromedp.Poll(condition, nil, chromedp.WithPollingInterval(100*time.Millisecond), chromedp.WithPollingTimeout(patience)))
}

// click presses what has exactly this text; the last of several is that of a dialog.
func (p *page) click(text string) {
	p.t.Helper()
	p.poll(fmt.Sprintf(`(() => {
		const found = [...document.querySelectorAll('button, a, [role=menuitem], [role=tab]')]
			.filter(e => e.innerText.trim().split('\n')[0] === %s && e.getClientRects().length > 0 && !e.disabled);
		if (found.length === 0) return false;
		found[found.length - 1].click();
		return true;
	})()`, quoted(text)))
}

// press clicks the first that is seen of a selector, with this text in it.
func (p *page) press(selector string, text ...string) {
	p.t.Helper()
	p.poll(fmt.Sprintf(`(() => {
		const found = [...document.querySelectorAll(%s)].filter(e => e.getClientRects().length > 0 && e.innerText.includes(%s));
		if (found.length === 0) return false;
		found[0].click();
		return true;
	})()`, quoted(selector), quoted(strings.Join(text, " "))))
}

func quoted(text string) string {
	encoded, _ := json.Marshal(text)
	return string(encoded)
}

// fill types into a field, and replaces what the page proposes there.
func (p *page) fill(selector, text string) {
	p.t.Helper()
	p.do(
		chromedp.WaitVisible(selector, chromedp.ByQuery),
		chromedp.Focus(selector, chromedp.ByQuery),
		chromedp.Evaluate(`document.execCommand('selectAll')`, nil),
		chromedp.ActionFunc(func(ctx context.Context) error { return input.InsertText(text).Do(ctx) }),
	)
}

func (p *page) startExecution(id, kind, argument string) {
	p.t.Helper()
	p.show("/namespaces/default/workflows/start-workflow?taskQueue=lazaret&workflowType="+kind, "Task Queue is Active")
	p.fill("#workflowId", id)
	p.fill(".cm-content", argument)
	p.click("Start Workflow")
	pollUntil(p.t, id+" exists", func() bool {
		_, err := p.session.DescribeWorkflow(p.t.Context(), id, "")
		return err == nil
	})
}

func (p *page) createSchedule(name, kind, id, argument string) {
	p.t.Helper()
	p.show("/namespaces/default/schedules/create", "Schedule Name")
	p.fill("#name", name)
	p.fill("#workflowType", kind)
	p.fill("#workflowId", id)
	p.fill("#taskQueue", "lazaret")
	p.fill(".cm-content", argument)
	p.fill(`[data-testid^="cron-string"]`, "0 3 * * *")
	p.click("Create Schedule")
	pollUntil(p.t, name+" exists", func() bool {
		_, err := p.session.ScheduleClient().GetHandle(p.t.Context(), name).Describe(p.t.Context())
		return err == nil
	})
}

// picture keeps a screenshot where LAZARET_SCREENSHOTS says.
func (p *page) picture(name string) {
	p.t.Helper()
	dir := os.Getenv("LAZARET_SCREENSHOTS")
	if dir == "" {
		return
	}
	var image []byte
	if err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot(&image)); err != nil {
		p.t.Log(err)
		return
	}
	require.NoError(p.t, os.WriteFile(filepath.Join(dir, name+".png"), image, 0o600))
}
