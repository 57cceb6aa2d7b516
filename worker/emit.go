package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/events"
	"lazaret.dev/lazaret/workflows/expression"
)

// emitFlags are the attributes of one event.
type emitFlags struct {
	eventType, source, subject, id, time, data string
	contentType, schema, file                  string
	extensions                                 []string
}

func (a *app) emitCommand() *cobra.Command {
	var flags emitFlags
	cmd := &cobra.Command{
		Use:   "emit",
		Short: "Send an event to the workflows that listen",
		Long: `Emit sends one CloudEvent and prints its id and what became of it: accepted,
with how many listeners and sinks it was delivered to; duplicate, if the same
sender's event with this source and id was accepted before; or rejected, with
the check that did so. A worker judges it by the operator's event rules, as the
sender @cli.

Exit codes: 0 accepted or duplicate, 2 no valid event, 3 rejected by the rules,
4 no Temporal.`,
		Example: `  lazaret emit --type com.example.order.placed --data '{"order": 7}'
  lazaret emit --type com.example.room.reading --source /sensors/1 --data @reading.json --extension roomid=12
  lazaret emit --event event.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := eventAlone(cmd); err != nil {
				return err
			}
			return a.emit(cmd.Context(), flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.eventType, "type", "", "the kind of event, such as com.example.order.placed")
	f.StringVar(&flags.source, "source", "/lazaret/cli", "where it comes from: a URI reference")
	f.StringVar(&flags.id, "id", "", "what identifies it within the source (default a random one)")
	f.StringVar(&flags.subject, "subject", "", "what it is about")
	f.StringVar(&flags.time, "time", "", "when it occurred, as 2026-01-31T12:00:00Z (default now)")
	f.StringVarP(&flags.data, "data", "d", "", "the payload: JSON, @FILE, or - for stdin")
	f.StringVar(&flags.contentType, "content-type", "", "media type of the payload (default application/json; any other is taken as text)")
	f.StringVar(&flags.schema, "data-schema", "", "the payload's schema: a URI")
	f.StringArrayVarP(&flags.extensions, "extension", "e", nil, "another attribute, as name=value; repeat for more")
	f.StringVar(&flags.file, "event", "", "a whole event in the JSON format: a file, or - for stdin; alone")
	a.outputFlag(cmd)
	return cmd
}

// eventAlone refuses attributes beside a whole event, which has its own.
func eventAlone(cmd *cobra.Command) error {
	f := cmd.Flags()
	if !f.Changed("event") {
		return nil
	}
	for _, attribute := range []string{"type", "source", "id", "subject", "time", "data", "content-type", "data-schema", "extension"} {
		if f.Changed(attribute) {
			return invalid("write it into the event", "--event is a whole event, and --%s is given beside it", attribute)
		}
	}
	return nil
}

func (a *app) emit(ctx context.Context, flags emitFlags) error {
	if err := a.checkFlags(); err != nil {
		return err
	}
	event, err := a.event(flags)
	if err != nil {
		return err
	}
	return a.withSession(ctx, func(ctx context.Context, s *session) error {
		outcome, err := s.emit(ctx, event)
		if err != nil {
			return err
		}
		if err := a.printJSON(outcome); err != nil {
			return err
		}
		return emitError(outcome)
	})
}

// emitError is the rejection as the command's end.
func emitError(o contract.Outcome) error {
	fault := events.Fault(o)
	switch {
	case fault == nil:
		return nil
	case fault.Type == contract.ValidationError:
		return &exitError{code: exitInvalid, err: fmt.Errorf("%s", fault.Detail)}
	}
	return &exitError{code: exitRefused, err: fmt.Errorf("%s", fault.Detail)}
}

// event makes the event that the flags describe, in the JSON format.
func (a *app) event(flags emitFlags) (json.RawMessage, error) {
	if flags.file != "" {
		return a.wholeEvent(flags.file)
	}
	if flags.eventType == "" {
		return nil, invalid("say what kind of event it is, or give a whole one with --event", "--type is missing")
	}
	event := map[string]any{
		"specversion": "1.0", "type": flags.eventType, "source": flags.source, "id": flags.id, "time": flags.time,
		"subject": flags.subject, "datacontenttype": flags.contentType, "dataschema": flags.schema,
	}
	if flags.id == "" {
		event["id"] = uuid.NewString()
	}
	if flags.time == "" {
		event["time"] = time.Now().UTC().Format(time.RFC3339Nano)
	}
	for name, value := range event {
		if value == "" {
			delete(event, name)
		}
	}
	for _, text := range flags.extensions {
		name, value, ok := strings.Cut(text, "=")
		if !ok || event[name] != nil || name == "data" {
			return nil, invalid("write name=value, with a name that has no flag of its own", "--extension %.100q", text)
		}
		event[name] = value
	}
	data, err := a.eventData(flags)
	if err != nil {
		return nil, err
	}
	if data != nil {
		event["data"] = data
	}
	return json.Marshal(event)
}

func (a *app) eventData(flags emitFlags) (any, error) {
	if flags.contentType == "" || strings.Contains(flags.contentType, "json") {
		data, err := a.readInput("data", flags.data)
		if err != nil || data == nil {
			return nil, err
		}
		return data, nil
	}
	_, text, err := a.inputText("data", flags.data)
	if err != nil || text == nil {
		return nil, err
	}
	return string(text), nil
}

func (a *app) wholeEvent(file string) (json.RawMessage, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(a.stdin, maxInputText))
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, invalid("", "--event %s: %w", file, unwrapPath(err))
	}
	if _, err := expression.Decode(text); err != nil {
		return nil, invalid("a CloudEvent in the JSON format is one JSON object", "--event %s: %w", file, err)
	}
	return text, nil
}

// emit has a worker judge and publish the event.
func (s *session) emit(ctx context.Context, event json.RawMessage) (contract.Outcome, error) {
	outcomes, err := s.emitAll(ctx, []json.RawMessage{event})
	if err != nil {
		return contract.Outcome{}, err
	}
	return outcomes[0], nil
}

func (s *session) emitAll(ctx context.Context, all []json.RawMessage) ([]contract.Outcome, error) {
	request := contract.SendRequest{Events: all}
	if data, err := json.Marshal(request); err != nil || len(data) > contract.MaxPayload {
		return nil, invalid("send a reference to where the data is stored", "the event is larger than Temporal's payload limit of %d bytes", contract.MaxPayload)
	}
	run, err := s.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: contract.Send + "/" + uuid.NewString(), TaskQueue: contract.TaskQueue, StaticSummary: "an event from outside",
	}, contract.Send, request)
	if err != nil {
		return nil, temporalError(err)
	}
	output, err := follow(ctx, s.Client, run, nil)
	if err != nil {
		return nil, err
	}
	var outcomes []contract.Outcome
	if err := json.Unmarshal(output, &outcomes); err != nil || len(outcomes) != len(all) {
		return nil, fmt.Errorf("the worker's answer cannot be read: %s", output)
	}
	return outcomes, nil
}
