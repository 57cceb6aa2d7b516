package worker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/query"
)

// description is one execution with its tasks.
type description struct {
	executionInfo
	// About says what it is, where it is no execution of a definition.
	About string               `json:"about,omitempty"`
	Tasks []contract.TaskState `json:"tasks,omitempty"`
	// Approvals are what waits for lazaret approve or reject.
	Approvals []contract.Approvable `json:"approvals,omitempty"`
	Fault     *contract.Fault       `json:"fault,omitempty"`
	// Held says why it holds: its definition is in quarantine.
	Held string `json:"held,omitempty"`
}

func (a *app) describeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "describe ID",
		Short:             "Show where an execution stands, task by task",
		Example:           `  lazaret describe demo.hello-5f3c0a9be2d14c77`,
		Args:              exactly("ID"),
		ValidArgsFunction: a.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
			return a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
				return a.describe(ctx, s, args[0])
			})
		},
	}
	a.tableFlag(cmd)
	return cmd
}

func (a *app) describe(ctx context.Context, s *session, id string) error {
	answer, err := s.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return temporalError(err)
	}
	d := description{executionInfo: describeInfo(answer.GetWorkflowExecutionInfo())}
	var state contract.State
	if d.About = innerAbout(answer.GetWorkflowExecutionInfo().GetType().GetName()); d.About == "" {
		if state, err = s.state(ctx, id); err != nil {
			fmt.Fprintf(a.stderr, "tasks are not shown: no worker answered (%v)\n", err)
		}
	}
	d.Tasks, d.Fault, d.Approvals, d.Held = state.Tasks, state.Fault, state.Approvals, state.Held
	if !d.Ended.IsZero() {
		contract.Ended(d.Tasks) // of one that was terminated, no code has said so
	}
	if brokenOff := d.Status == "terminated" || d.Status == "timedout"; brokenOff {
		breakOff(&d)
	}
	if a.output != "table" {
		return a.printJSON(d)
	}
	a.printDescription(d)
	return nil
}

// breakOff gives what Temporal has ended, without a word to the execution's own code,
// the state for it: no task runs any more, and nobody can decide about one.
func breakOff(d *description) {
	d.Held, d.Approvals = "", nil
	for i, t := range d.Tasks {
		if t.Status == "running" || t.Status == contract.AwaitingApproval {
			d.Tasks[i].Status = d.Status
		}
	}
}

// state asks a worker; an execution that has ended is replayed for it.
func (s *session) state(ctx context.Context, id string) (contract.State, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var state contract.State
	err := query.Workflow(ctx, s.Client, id, contract.StateQuery, &state)
	return state, err
}

func (a *app) printDescription(d description) {
	out := a.screen()
	fmt.Fprintf(out, "id          %s\n", d.ID)
	if d.About == "" {
		fmt.Fprintf(out, "definition  %s:%s\n", d.Definition, d.Version)
	} else {
		fmt.Fprintf(out, "type        %s\n", d.Definition)
		fmt.Fprintf(out, "about       %s\n", d.About)
	}
	fmt.Fprintf(out, "status      %s\n", d.Status)
	if d.Held != "" {
		fmt.Fprintf(out, "held        %s\n", oneLine(d.Held))
	}
	fmt.Fprintf(out, "started     %s\n", d.Started.Local().Format(time.DateTime))
	if !d.Ended.IsZero() {
		fmt.Fprintf(out, "ended       %s (%s)\n", d.Ended.Local().Format(time.DateTime), d.Ended.Sub(d.Started).Round(time.Millisecond))
	}
	if d.Fault != nil {
		fmt.Fprintf(out, "fault       %s: %s\n", d.Fault.ErrorCode(), strings.ReplaceAll(d.Fault.Error(), "\n", "\n            "))
	}
	for _, p := range d.Approvals {
		printApproval(out, p)
	}
	for _, t := range d.Tasks {
		fmt.Fprintf(out, "%s%-9s %s  %s%s\n", strings.Repeat("  ", t.Depth+1), t.Status, t.Name, t.Kind, progressOf(t))
	}
}
