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

// execNet is what sandbox exec is told of the network.
type execNet struct {
	allow                           []string
	traffic, bandwidth, connections string
}

func (a *app) execNetFlags(cmd *cobra.Command, f *execNet) {
	cmd.Flags().StringArrayVar(&f.allow, "allow-net", nil, allowNetUsage)
	cmd.Flags().StringVar(&f.traffic, "net-traffic", "", "bytes that the script may send to those hosts and receive from them, such as 10MiB (default the level's: unlimited)")
	cmd.Flags().StringVar(&f.bandwidth, "net-bandwidth", "", "bytes a second of that, such as 1MiB (default the level's: unlimited)")
	cmd.Flags().StringVar(&f.connections, "net-connections", "", "connections that the script may have open at a time (default the level's: 64)")
}

// limit changes what the policy lets the network carry, to no more than that if it is
// an operator's.
func (f *execNet) limit(policy *policies.Effective, byPolicy bool) error {
	for _, flag := range []struct{ name, key, text string }{
		{"net-traffic", "limits.traffic", f.traffic},
		{"net-bandwidth", "limits.bandwidth", f.bandwidth},
		{"net-connections", "limits.connections", f.connections},
	} {
		if flag.text == "" {
			continue
		}
		if len(f.allow) == 0 && len(policies.Openable(policy.Level, policy.Egress)) == 0 {
			return invalid("say --allow-net HOST", "--%s bounds nothing: no host is open to the script", flag.name)
		}
		changed, err := policy.With(flag.key, flag.text, !byPolicy)
		if wrong, ok := errors.AsType[*policies.SettingError](err); ok {
			return invalid(wrong.Remedy, "--%s %.40q: %s", flag.name, flag.text, wrong.Reason)
		}
		if err != nil {
			return err
		}
		*policy = changed
	}
	return nil
}

// openNetwork gives one run the hosts of its policy, or of --allow-net.
func openNetwork(spec *sandbox.Spec, policy policies.Effective, texts []string) error {
	rules, err := parseAllowNet(texts)
	if err != nil {
		return err
	}
	err = policy.Open(spec, rules)
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
