package worker

import (
	"errors"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
)

const allowNetUsage = "a host that scripts may reach, as host, host:port, *.host or an address range; repeat for more (levels below maximum)"

// allowNetFlag adds --allow-net to a command that runs a worker.
func (a *app) allowNetFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.allowNet, "allow-net", nil, allowNetUsage)
}

// parseAllowNet reads what --allow-net was given.
func parseAllowNet(texts []string) ([]egress.Rule, error) {
	rules, err := egress.ParseRules(texts)
	if wrong, ok := errors.AsType[*egress.RuleError](err); ok {
		return nil, invalid(wrong.Remedy, "--allow-net %.100q: %s", wrong.Rule, wrong.Reason)
	}
	return rules, err
}

// openNetwork gives one run the hosts of its policy, or of --allow-net.
func openNetwork(spec *sandbox.Spec, policy policies.Effective, texts []string) error {
	rules, err := parseAllowNet(texts)
	if err != nil {
		return err
	}
	err = policies.Open(spec, policy.Level, append(policies.Openable(policy.Level, policy.Egress), rules...))
	if wrong, ok := errors.AsType[*policies.NetworkError](err); ok {
		return invalid(wrong.Remedy, "--allow-net %q: level %s opens %s", wrong.Rule, wrong.Level, wrong.Network)
	}
	return err
}

type execConnection struct {
	Host           string `json:"host"`
	Port           uint16 `json:"port"`
	Address        string `json:"address"`
	Failure        string `json:"failure,omitempty"`
	BytesIn        int64  `json:"bytesIn"`
	BytesOut       int64  `json:"bytesOut"`
	DurationMillis int64  `json:"durationMs"`
}

func execConnections(connections []egress.Connection) []execConnection {
	var all []execConnection
	for _, c := range connections {
		all = append(all, execConnection{c.Host, c.Port, c.Address, c.Failure, c.BytesIn, c.BytesOut, c.Duration.Milliseconds()})
	}
	return all
}

// logConnections writes one line for each connection that a program made (A23).
func logConnections(log zerolog.Logger, request contract.Process, r sandbox.Result) {
	for _, c := range r.Connections {
		log.Info().
			Str("definition", request.Task.Namespace+"/"+request.Task.Name).
			Str("task", request.Task.Reference).
			Str("execution", request.Task.Execution).
			Str("host", c.Host).
			Uint16("port", c.Port).
			Str("address", c.Address).
			Str("failure", c.Failure).
			Int64("bytes_in", c.BytesIn).
			Int64("bytes_out", c.BytesOut).
			Dur("duration", c.Duration).
			Msg("connection ended")
	}
}
