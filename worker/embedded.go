package worker

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"
	enumspb "go.temporal.io/api/enums/v1"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/worker/devserver"
	"lazaret.dev/lazaret/worker/install"
)

// embedded is a Temporal server with a worker, in this process.
type embedded struct {
	server *devserver.Server
	worker *service
	sealed *encryption // nil: payloads are plain
}

func (e *embedded) stop() {
	e.worker.stop()
	// The database is consistent whatever Stop says; there is nobody to tell.
	_ = e.server.Stop()
}

// searchAttributes are those that every namespace of ours has.
var searchAttributes = map[string]enumspb.IndexedValueType{
	contract.AttributeDefinition: enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	contract.AttributeVersion:    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	contract.AttributeDigest:     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	contract.AttributeLevel:      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	contract.AttributeState:      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	contract.AttributeViolations: enumspb.INDEXED_VALUE_TYPE_INT,
	contract.AttributeLedger:     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
}

// startSession starts an embedded Temporal for this command alone: on ports of
// its own choice, without a UI. Its database is the one that "up" serves.
func (a *app) startSession(ctx context.Context) (*session, error) {
	home, err := install.Open(a.stateDir)
	if err != nil {
		return nil, installError(err)
	}
	supplies, err := a.supplies()
	if err != nil {
		return nil, err
	}
	policy, err := a.policySource(policies.Maximum, false)
	if err != nil {
		return nil, err
	}
	calls, err := a.callSupplies(ctx)
	if err != nil {
		return nil, err
	}
	auditDir, err := a.auditFolder()
	if err != nil {
		return nil, err
	}
	degradations, err := a.degradations()
	if err != nil {
		return nil, err
	}
	events, err := a.eventOptions()
	if err == nil {
		events, err = policyEvents(events, policy)
	}
	if err != nil {
		return nil, err
	}
	e, err := a.startEmbedded(ctx, home, devserver.Options{
		Address: "127.0.0.1:0",
		NoUI:    true,
		Kind:    install.Run,
	}, serviceOptions{
		oneRun: true, degradations: degradations, grace: time.Second, supplies: supplies, calls: calls, policy: policy, auditDir: auditDir, events: events,
		warm: sandbox.PoolLimits{PerKind: 1}, // from the second script of a kind on
	})
	if err != nil {
		return nil, err
	}
	connection := localOptions(home, e.server.Address(), install.CLI)
	e.sealed.apply(&connection)
	c, err := a.dial(ctx, connection)
	if err != nil {
		e.stop()
		return nil, err
	}
	return &session{Client: c, install: home, embedded: e, values: connection.DataConverter}, nil
}

// startEmbedded starts the server and a worker on it.
func (a *app) startEmbedded(ctx context.Context, home *install.Install, options devserver.Options, worker serviceOptions) (*embedded, error) {
	options.Install = home
	options.SearchAttributes = searchAttributes
	options.ProductVersion = a.build.Version
	options.Logger = a.logger(zerolog.WarnLevel).With().Str("component", "temporal").Logger()
	options.LoginHelp = "Run `lazaret up --link` on this machine for a link that opens it."
	sealed, err := a.ownEncryption(home)
	if err != nil {
		return nil, err
	}
	if sealed != nil {
		options.Codec, options.PayloadKeys = sealed.codec.Handler(), sealed.file
	}
	server, err := devserver.Start(ctx, options)
	if err != nil {
		return nil, startError(err)
	}
	worker.grantKey = home.SigningKey()
	connection := localOptions(home, server.Address(), install.Worker)
	sealed.apply(&connection)
	worker.sealed = sealed
	w, err := a.startService(ctx, connection, worker)
	if err != nil {
		_ = server.Stop()
		return nil, err
	}
	return &embedded{server: server, worker: w, sealed: sealed}, nil
}

func startError(err error) error {
	if e, ok := errors.AsType[*devserver.StartError](err); ok {
		return unreachable(e, e.Hint)
	}
	return unreachable(err, "")
}
