//go:build !nodevserver

package devserver

import (
	"context"
	"net/netip"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
)

const (
	clusterName = "active"
	storeName   = "sqlite"
)

// layout says where each service listens.
type layout map[primitives.ServiceName]netip.AddrPort

// newLayout places the frontend at frontend and the other services at free ports
// of 127.0.0.1. The internal frontend is among them: the server's own workers
// (schedules, batch, deletion) have no token and call there.
func newLayout(ctx context.Context, frontend netip.AddrPort) (layout, error) {
	internal := []primitives.ServiceName{
		primitives.InternalFrontendService,
		primitives.HistoryService,
		primitives.MatchingService,
		primitives.WorkerService,
	}
	free, err := freePorts(ctx, len(internal))
	if err != nil {
		return nil, err
	}
	l := layout{primitives.FrontendService: frontend}
	for n, service := range internal {
		l[service] = free[n]
	}
	return l, nil
}

// hosts returns the fixed membership: one host per service.
func (l layout) hosts() map[primitives.ServiceName]static.Hosts {
	hosts := make(map[primitives.ServiceName]static.Hosts, len(l))
	for service, at := range l {
		hosts[service] = static.SingleLocalHost(at.String())
	}
	return hosts
}

func (l layout) config() map[string]config.Service {
	services := make(map[string]config.Service, len(l))
	for service, at := range l {
		services[string(service)] = config.Service{RPC: config.RPC{
			GRPCPort: int(at.Port()),
			BindOnIP: at.Addr().String(),
		}}
	}
	return services
}

// serverConfig returns the static configuration of a server on l and db.
func serverConfig(l layout, db *database) *config.Config {
	return &config.Config{
		Services: l.config(),
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{storeName: {SQL: db.sql}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             l[primitives.FrontendService].String(),
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
	}
}

// frontend returns where clients reach Temporal.
func (l layout) frontend() netip.AddrPort { return l[primitives.FrontendService] }
