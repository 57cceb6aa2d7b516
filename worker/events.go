package worker

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/events"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows"
)

// eventFlags are what an operator says about events.
type eventFlags struct {
	rules string // --event-rules
	key   string // --event-key
}

// eventOptions are the flags, read and checked.
type eventOptions struct {
	rules policies.EventRules
	// digest is the rules' own, the SHA-256 of their file in hex; empty: they are of
	// the policy, or there are none.
	digest string
	key    []byte // that workers share; nil: the installation's
	sinks  map[string]*events.SinkClient
}

// eventRulesFlag adds the rules to a command that runs a worker.
func (a *app) eventRulesFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.events.rules, "event-rules", "", "who may send which events to whom, and the sinks: a YAML file (default nobody)")
}

// eventKeyFlag adds the key to a command that runs a worker among others.
func (a *app) eventKeyFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.events.key, "event-key", "", "a file with 32 bytes or more by which workers know each other's events, the same for all of them")
}

func (a *app) eventOptions() (eventOptions, error) {
	var o eventOptions
	if file := a.events.key; file != "" {
		var err error
		if o.key, err = readKeyFile("event-key", file); err != nil {
			return o, err
		}
	}
	if a.events.rules == "" {
		return o, nil
	}
	var err error
	if o.rules, o.digest, err = readEventRules(a.events.rules); err != nil {
		return o, err
	}
	o.sinks, err = sinkClients(o.rules.Sinks)
	return o, err
}

// readEventRules are the rules of a file, and its digest.
func readEventRules(file string) (policies.EventRules, string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return policies.EventRules{}, "", invalid("", "--event-rules %s: %w", file, unwrapPath(err))
	}
	rules, err := policies.ReadEventRules(file, text)
	if wrong, ok := errors.AsType[*policies.RulesError](err); ok {
		return rules, "", invalid("lazaret events schema prints what such a file may hold", "%w", wrong)
	}
	sum := sha256.Sum256(text)
	return rules, hex.EncodeToString(sum[:]), err
}

// sinkClients makes the client of each sink; its own host is the only one that
// it may reach.
func sinkClients(sinks []policies.EventSink) (map[string]*events.SinkClient, error) {
	clients := map[string]*events.SinkClient{}
	for _, sink := range sinks {
		host, err := events.HostRule(sink.URL)
		if err != nil {
			return nil, invalid("", "sink %q: %w", sink.Name, err)
		}
		rules, err := networkRules("event-rules", append([]string{host}, sink.Hosts...))
		if err != nil {
			return nil, err
		}
		token := ""
		if sink.TokenEnv != "" {
			if token = strings.TrimSpace(os.Getenv(sink.TokenEnv)); token == "" {
				return nil, invalid("set it where the worker starts, or take tokenFrom out", "sink %q: variable %s is not set", sink.Name, sink.TokenEnv)
			}
		}
		clients[sink.Name] = events.NewSinkClient(sink.URL, sink.Binary, token, rules)
	}
	return clients, nil
}

// gateway is what the worker does with events.
func (a *app) gateway(c client.Client, options serviceOptions, log zerolog.Logger, tell func(contract.Sender, contract.Outcome)) *events.Gateway {
	for _, broad := range options.events.rules.Broad() {
		log.Warn().Str("file", a.events.rules).Msg("broad event rule: " + broad)
	}
	return &events.Gateway{
		Client: c, Rules: options.events.rules, Key: a.eventKey(options, log), Sinks: options.events.sinks,
		Policy: cmp.Or(options.events.digest, options.policy.digest()),
		Observe: func(sender contract.Sender, outcome contract.Outcome) {
			logEvent(log, sender, outcome)
			options.monitor.event(outcome)
			tell(sender, outcome)
		},
		Lost: func(r contract.Rejection) {
			log.Warn().Str("sender", r.Sender).Str("target", r.Target).Str("execution", r.Execution).Str("source", r.Source).
				Str("id", r.ID).Str("check", r.Check).Str("detail", r.Detail).Msg("event not delivered")
			options.monitor.event(contract.Outcome{Status: "lost", Check: r.Check})
		},
	}
}

// eventKey is the key by which events are known as the workers'; nil: there is none.
func (a *app) eventKey(options serviceOptions, log zerolog.Logger) []byte {
	switch {
	case options.events.key != nil:
		return options.events.key
	case options.grantKey != nil:
		return derivedKey(options.grantKey, "events")
	case a.events.rules != "":
		log.Warn().Msg("without --event-key, whoever can write to Temporal can send events, and workers that have a key reject this one's")
	}
	return nil
}

// telling is what executions tell of themselves under the rules in force.
func (s *service) telling() workflows.Telling {
	switch executions, tasks := s.events.Tells(); {
	case tasks:
		return workflows.TellTasks
	case executions:
		return workflows.TellWorkflows
	}
	return workflows.TellNothing
}

// derivedKey keeps apart what the installation's key is used for.
func derivedKey(key []byte, use string) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("lazaret " + use + " 1")) // never fails (package hash)
	return mac.Sum(nil)
}

// logEvent writes one line for an event that was judged, and one for each target
// that did not get it: alerts look for their messages.
func logEvent(log zerolog.Logger, sender contract.Sender, o contract.Outcome) {
	log = log.With().
		Str("sender", sender.Identity).
		Str("execution", sender.Execution).
		Str("source", o.Source).
		Str("id", o.ID).
		Logger()
	if o.Status == contract.Rejected {
		log.Warn().Str("check", o.Check).Str("detail", o.Detail).Msg("event rejected")
	} else {
		log.Info().Str("status", o.Status).Int("delivered", o.Delivered).Msg("event published")
	}
	for _, note := range o.Filtered {
		log.Warn().Str("filter", note.Filter).Str("action", note.Action).Msg("event filtered")
	}
	for _, reason := range o.Refused {
		log.Warn().Str("target", reason.Target).Str("check", reason.Check).Str("detail", reason.Detail).Msg("event not delivered")
	}
}
