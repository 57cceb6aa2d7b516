package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	retryable "github.com/hashicorp/go-retryablehttp"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/worker/install"
	"lazaret.dev/lazaret/workflows"
	"lazaret.dev/lazaret/workflows/definition"
)

// held is how many executions run when their definition is put away.
const held = 50

// quarantineSection times the loop from a forbidden act to the last execution that
// holds, with two workers.
func quarantineSection(ctx context.Context, b *bench) (_ []*group, err error) {
	q, err := newQuarantiner(ctx, b)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, q.close()) }()
	verdict := &group{name: "from the forbidden act to the ledger's verdict", probes: []probe{
		{rows: []string{"verdict"}, take: q.verdict},
	}}
	stop := &group{name: fmt.Sprintf("from the verdict to the last of %d executions that holds, on two workers", held), probes: []probe{
		{rows: []string{"every worker refuses", "all their scripts are killed", "all executions hold"}, take: q.stop},
	}}
	for _, p := range []struct {
		*group
		samples int
	}{{verdict, 3 * b.effort}, {stop, 1}} {
		if err := p.measure(ctx, b.rounds, p.samples); err != nil {
			return nil, err
		}
	}
	return []*group{verdict, stop}, nil
}

// quarantiner has a Temporal with two workers.
type quarantiner struct {
	up      *up
	second  *exec.Cmd
	metrics []string // addresses
	client  client.Client
	store   ledger.Store
	n       int // names so far
}

func newQuarantiner(ctx context.Context, b *bench) (*quarantiner, error) {
	q := &quarantiner{}
	for range 2 {
		address, err := freeAddress(ctx)
		if err != nil {
			return nil, err
		}
		q.metrics = append(q.metrics, address)
	}
	flags := []string{"--level", "strict", "--max-scripts", strconv.Itoa(held), "--metrics-address"}
	var err error
	if q.up, err = startUpWith(ctx, b, append(flags, q.metrics[0])...); err != nil {
		return nil, err
	}
	q.second = b.command(ctx, append([]string{"worker", "--state-dir", q.up.dir()}, append(flags, q.metrics[1])...)...)
	q.second.Env = append(q.second.Env, "TEMPORAL_CONFIG_FILE="+q.up.home.ProfilePath())
	if err := q.second.Start(); err != nil {
		return nil, errors.Join(err, q.up.stop())
	}
	q.client, err = client.DialContext(ctx, client.Options{
		HostPort: q.up.address, Namespace: install.Namespace, HeadersProvider: q.up.home.Credentials(install.CLI), Logger: quiet{},
	})
	if err != nil {
		return nil, errors.Join(err, q.close())
	}
	q.store = ledger.Store{Client: q.client}
	return q, q.awaitWorkers(ctx)
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (q *quarantiner) close() error {
	if q.client != nil {
		q.client.Close()
	}
	_ = q.second.Process.Signal(syscall.SIGTERM)
	return errors.Join(q.second.Wait(), q.up.stop())
}

func (q *quarantiner) awaitWorkers(ctx context.Context) error {
	return until(ctx, "both workers are up", func() (bool, error) { return q.refusing(ctx) >= 0, nil })
}

// refusing is the smallest number of held definitions that a worker knows of; -1 if
// one does not answer.
func (q *quarantiner) refusing(ctx context.Context) int {
	least := -1
	for _, address := range q.metrics {
		n := heldOn(ctx, address)
		if n < 0 {
			return -1
		}
		if least < 0 || n < least {
			least = n
		}
	}
	return least
}

func heldOn(ctx context.Context, address string) int {
	c := retryable.NewClient()
	c.Logger, c.RetryMax = nil, 0
	request, err := retryable.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return -1
	}
	response, err := c.Do(request)
	if err != nil {
		return -1
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "lazaret_quarantine_held "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				return -1
			}
			return n
		}
	}
	return -1
}

// lookEvery is how exactly a moment is known: who looks more often keeps the server
// from what is measured.
const lookEvery = 15 * time.Millisecond

// until polls a condition.
func until(ctx context.Context, what string, condition func() (bool, error)) error {
	deadline := time.Now().Add(2 * time.Minute)
	for {
		ok, err := condition()
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", what, err)
		case ok:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("not seen within two minutes: %s", what)
		}
		time.Sleep(lookEvery)
	}
}

// victim is a definition that naps, or does forbidden things and tells when it began.
const victim = `
document: {dsl: 1.0.3, namespace: benchmark, name: %s, version: 1.0.0}
do:
  - nap: {if: .nap, run: {script: {language: python, code: "import time  # %[1]s\ntime.sleep(600)"}}, then: end}
  - spy:
      run:
        script:
          language: python
          arguments: {files: '${ .files }'}
          code: |
            # %[1]s
            import time
            began = time.time()
            for name in files:
                try: open(name)
                except OSError: pass
            print(began, end="")
`

func (q *quarantiner) name() string {
	q.n++
	return fmt.Sprintf("victim-%d", q.n)
}

func (q *quarantiner) begin(ctx context.Context, name string, input any) (client.WorkflowRun, error) {
	text := fmt.Sprintf(victim, name)
	def, err := definition.Parse("victim.yaml", []byte(text))
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	return q.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		TaskQueue: contract.TaskQueue, TypedSearchAttributes: workflows.SearchAttributes(def, ""),
	}, workflows.TypeName(def.Document), contract.Start{
		Definition: contract.Source{File: "victim.yaml", Document: text, Digest: def.Digest}, Input: data, Interpreter: contract.Interpreter,
	})
}

// verdict has one script do one forbidden thing. The script says when; the ledger
// says when it had judged.
func (q *quarantiner) verdict(ctx context.Context) ([]time.Duration, error) {
	name := q.name()
	run, err := q.begin(ctx, name, map[string]any{"files": []string{"/etc/shadow"}})
	if err != nil {
		return nil, err
	}
	var output string
	if err := run.Get(ctx, &output); err != nil {
		return nil, err
	}
	seconds, err := strconv.ParseFloat(output, 64)
	if err != nil {
		return nil, fmt.Errorf("the script printed %q", output)
	}
	l, err := q.store.Ledger(ctx, "benchmark", name)
	if err != nil {
		return nil, err
	}
	if len(l.Versions) != 1 || l.Counted != 1 {
		return nil, fmt.Errorf("the ledger counts %d violations", l.Counted)
	}
	return []time.Duration{l.Versions[0].Seen.Sub(time.UnixMicro(int64(seconds * 1e6)))}, nil
}

// stop has a definition put away while its executions run.
func (q *quarantiner) stop(ctx context.Context) ([]time.Duration, error) {
	name := q.name()
	before := q.refusing(ctx)
	var runs []client.WorkflowRun
	for range held {
		run, err := q.begin(ctx, name, map[string]any{"nap": true})
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	if err := until(ctx, "all scripts run", func() (bool, error) { return q.scriptsRun(ctx, runs) }); err != nil {
		return nil, err
	}
	if _, err := q.begin(ctx, name, map[string]any{"files": []string{"/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/root/.ssh/id_rsa"}}); err != nil {
		return nil, err
	}
	var refuse time.Time
	err := until(ctx, "all workers refuse", func() (bool, error) {
		refuse = time.Now()
		return q.refusing(ctx) > before, nil
	})
	if err != nil {
		return nil, err
	}
	hold, killed, err := q.atRest(ctx, name, runs)
	if err != nil {
		return nil, err
	}
	l, err := q.store.Ledger(ctx, "benchmark", name)
	if err != nil {
		return nil, err
	}
	if len(l.Transitions) != 1 {
		return nil, fmt.Errorf("the ledger is %s after %d changes", l.State, len(l.Transitions))
	}
	at := l.Transitions[0].At
	_, err = q.store.Release(ctx, "benchmark", name, contract.LedgerRequest{Reason: "measured", Reviewer: "benchmark", Resume: contract.CancelHeld})
	if err == nil {
		err = until(ctx, "all executions have ended", func() (bool, error) { return q.ended(ctx, runs) })
	}
	return []time.Duration{refuse.Sub(at), killed.Sub(at), hold.Sub(at)}, err
}

// scriptsRun tells whether the scripts of all executions run.
func (q *quarantiner) scriptsRun(ctx context.Context, runs []client.WorkflowRun) (bool, error) {
	for _, run := range runs {
		d, err := q.client.DescribeWorkflowExecution(ctx, run.GetID(), "")
		if err != nil {
			return false, err
		}
		started := false
		for _, a := range d.GetPendingActivities() {
			started = started || a.GetLastStartedTime() != nil
		}
		if !started {
			return false, nil
		}
	}
	return true, nil
}

// atRest waits until all executions hold, and reads from their histories, so that
// looking takes no time from what is measured, when the last one came to hold and
// when the last script had ended.
func (q *quarantiner) atRest(ctx context.Context, name string, runs []client.WorkflowRun) (hold, killed time.Time, err error) {
	const settled = time.Second
	err = until(ctx, "all executions hold", func() (bool, error) {
		time.Sleep(settled)
		n, err := q.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: fmt.Sprintf(
			"%s = 'benchmark/%s' AND %s = '%s'", contract.AttributeDefinition, name, contract.AttributeState, contract.HeldState)})
		return n.GetCount() >= held, err
	})
	for _, run := range runs {
		var failed, held time.Time
		for events := q.client.GetWorkflowHistory(ctx, run.GetID(), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); err == nil && events.HasNext(); {
			var event *historypb.HistoryEvent
			if event, err = events.Next(); err != nil {
				break
			}
			switch {
			case event.GetActivityTaskFailedEventAttributes() != nil:
				failed = event.GetEventTime().AsTime()
			case event.GetUpsertWorkflowSearchAttributesEventAttributes() != nil && held.IsZero():
				held = event.GetEventTime().AsTime() // an execution that runs sets none before
			}
		}
		if err == nil && (failed.IsZero() || held.IsZero()) {
			err = fmt.Errorf("the history of %s does not tell when it came to hold", run.GetID())
		}
		killed, hold = later(killed, failed), later(hold, held)
	}
	return hold, killed, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (q *quarantiner) ended(ctx context.Context, runs []client.WorkflowRun) (bool, error) {
	for _, run := range runs {
		d, err := q.client.DescribeWorkflowExecution(ctx, run.GetID(), "")
		if err != nil || d.GetWorkflowExecutionInfo().GetCloseTime() == nil {
			return false, err
		}
	}
	return true, nil
}
