package worker

import (
	"context"
	"encoding/json"

	"github.com/rs/zerolog"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/contract"
)

// registerMachineEvents lets this worker watch the hosts whose events the policy
// has, and tell of them as the sender @libvirt.
func (s *service) registerMachineEvents(options serviceOptions, log zerolog.Logger) {
	(&activities.MachineEvents{
		Watcher: s.machines, Hosts: options.policy.watchedHosts, Policy: options.policy.digest,
		Publish: func(ctx context.Context, events []json.RawMessage, key string) error {
			_, err := s.events.Publish(ctx, contract.Sender{Identity: contract.SenderLibvirt}, events, key)
			return err
		},
		Broken: func(uri string, err error) {
			log.Warn().Str("uri", uri).Err(err).Msg("the watch of a libvirt host broke, and begins again")
		},
	}).Register(s.worker)
}

// watchMachines has one worker of the namespace watch each host. The policy that
// counts is that of the worker that takes the watch: all should have the same.
func (s *service) watchMachines(ctx context.Context, uris []string, log zerolog.Logger) {
	for _, uri := range uris {
		_, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: contract.WatchMachines + "/" + uri, TaskQueue: contract.TaskQueue,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			StaticSummary:            "what happens to the guests of " + uri,
		}, contract.WatchMachines, contract.WatchRequest{URI: uri})
		if err != nil {
			log.Error().Str("uri", uri).Err(err).Msg("a libvirt host is not watched")
		}
	}
}
