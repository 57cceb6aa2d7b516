//go:build !nodevserver

package devserver

import (
	"time"

	"go.temporal.io/server/common/dynamicconfig"
)

// tuning returns the server's dynamic configuration: the defaults are made for
// clusters of many hosts, this is one process with one shard.
func tuning() dynamicconfig.StaticClient {
	// The default of 20 polls a second and shard makes every workflow task wait
	// up to 50 ms once a short burst is used up.
	const pollRPS = 2000
	// Who waits for a result can miss the event that brings it: the server keeps
	// one undelivered event per waiter and drops the next (1 to 5 of 100 short
	// runs here, more under load). A wait is therefore cut short and taken up
	// again; each time costs some 0.3 ms of processor time.
	const waitAgain = 250 * time.Millisecond
	// History held in memory, in executions: from 20 KB each, twice that until the
	// garbage collector comes by. The default of 128,000 lets the process grow
	// without a bound that a workstation would notice. It is as much as the workers'
	// own (cachedWorkflows): with half of both, a burst about 2,000 definitions was
	// not judged in time (docs/performance.md).
	const cachedExecutions = 2048
	// A timer that is due sooner than this is put off until then, so that hosts whose
	// clocks differ agree on what is due. The default of 1 s makes a wait of 10 ms,
	// a retry's delay and a long loop's pause take up to a second each.
	const clockSkew = 5 * time.Millisecond
	return dynamicconfig.StaticClient{
		dynamicconfig.TransferProcessorMaxPollRPS.Key():       pollRPS,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():          pollRPS,
		dynamicconfig.TimerProcessorMaxTimeShift.Key():        clockSkew,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key():     pollRPS,
		dynamicconfig.OutboundProcessorMaxPollRPS.Key():       pollRPS,
		dynamicconfig.HistoryLongPollExpirationInterval.Key(): waitAgain,
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key():      cachedExecutions,
		// Of what was written, for other clusters to read: there are none.
		dynamicconfig.XDCCacheMaxSizeBytes.Key(): 0,

		// Partitions spread a task queue over hosts. On one host they only add
		// hops, and pollers waiting at the wrong one.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		// Honour priority and fairness keys as soon as a task carries one.
		dynamicconfig.MatchingAutoEnableV2.Key(): true,

		// Who caused an event is written on it, and who is refused hears why.
		dynamicconfig.EnablePrincipalPropagation.Key(): true,
		dynamicconfig.ExposeAuthorizerErrors.Key():     true,
	}
}
