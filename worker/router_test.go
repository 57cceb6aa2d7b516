package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/events"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/worker/install"
)

// routerRules let a sender of each check's name through all checks before it.
const routerRules = `
rate: {limit: 100, window: 1h}
maxSize: 300000
rules:
  - {name: small, source: order/*, target: cases/*, types: [case.*], maxSize: 250000}
  - {name: few, source: few/*, target: cases/*, types: [case.few.*], maxSize: 1000, rate: {limit: 1, window: 1h}}
`

// testGateway judges by rules of its own, and hands to the shared router.
func testGateway(t *testing.T, rules string) *events.Gateway {
	t.Helper()
	shared := sharedTemporal.embedded.worker.events
	gateway := &events.Gateway{Client: shared.Client, Key: shared.Key}
	var err error
	gateway.Rules, err = policies.ReadEventRules("rules.yaml", []byte(rules))
	require.NoError(t, err)
	return gateway
}

// TestRouter_OrderOfChecks: rate, rule, type, size, queue, and which of them wins
// where several fail (A34, A35, A38); each rejection is recorded (A33). A queue
// that was full takes again once its listen has.
func TestRouter_OrderOfChecks(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	gateway := testGateway(t, routerRules)
	run := beginDocument(t, s, `document: {dsl: 1.0.3, namespace: cases, name: order-of-checks, version: 1.0.0}
do:
  - busy: {listen: {to: {one: {with: {type: case.order.go}}}}}
  - hear: {listen: {to: {any: [{with: {type: case.order.load}}], until: 'length == 4'}}, output: {as: 'map({n: length})'}}
`)
	awaitListener(t, s, run.GetID())
	publish := func(sender, kind string, size int) string {
		id := fmt.Sprintf("%s/%s/%d", sender, kind, time.Now().UnixNano())
		text := fmt.Sprintf(`{"specversion":"1.0","source":"/order","id":%q,"type":%q,"data":%q}`, id, kind, strings.Repeat("x", size))
		outcomes, err := gateway.Publish(t.Context(), contract.Sender{Identity: sender}, []json.RawMessage{json.RawMessage(text)}, "")
		require.NoError(t, err)
		return became(outcomes[0])
	}
	const load, large = 200_000, 260_000
	assert.Equal(t, "accepted/1", publish("order/one", "case.order.load", load))
	assert.Equal(t, "accepted/1", publish("order/one", "case.order.load", load))
	assert.Equal(t, "rejected/queue", publish("order/one", "case.order.load", load))
	assert.Equal(t, "rejected/size", publish("order/one", "case.order.load", large), "size before queue")
	assert.Equal(t, "rejected/type", publish("order/one", "other.load", large), "type before size")
	assert.Equal(t, "rejected/rule", publish("nobody/one", "other.load", large), "rule before type")
	assert.Equal(t, "accepted/0", publish("few/one", "case.few.nothing", 1))
	assert.Equal(t, "rejected/rate", publish("few/one", "case.few.nothing", 1))
	assert.Equal(t, "rejected/type", publish("few/one", "other.load", load), "a rule's rate counts what it permits")

	assert.Equal(t, "accepted/1", publish("order/one", "case.order.go", 1))
	pollUntil(t, "there is room again", func() bool { return publish("order/one", "case.order.load", load) == "accepted/1" })
	pollUntil(t, "there is room once more", func() bool { return publish("order/one", "case.order.load", load) == "accepted/1" })
	output, err := resultOf(t, s, run)
	require.NoError(t, err)
	assert.JSONEq(t, `[{"n": 200000}, {"n": 200000}, {"n": 200000}, {"n": 200000}]`, string(output))

	// The general rate goes before everything.
	for range 100 {
		_ = publish("nobody/flood", "other.load", 1)
	}
	assert.Equal(t, "rejected/rate", publish("nobody/flood", "other.load", large), "rate before rule")
	assert.Equal(t, "accepted/0", publish("order/two", "case.order.load", 1), "which is no other sender's trouble")
	report, err := s.eventsReport(t.Context())
	require.NoError(t, err)
	recorded := map[string]bool{}
	for _, one := range report.Rejected {
		recorded[one.Sender+" "+one.Check] = true
	}
	assert.True(t, recorded["nobody/flood rate"] && recorded["nobody/flood rule"], "%v", recorded)
}

// TestRouter_ForgedOnReceipt: what somebody sends to an execution past the router
// is not received, whatever sender it names, and is recorded (A11, A38).
func TestRouter_ForgedOnReceipt(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	run := beginDocument(t, s, `document: {dsl: 1.0.3, namespace: cases, name: forged-on-receipt, version: 1.0.0}
do: [{hear: {listen: {to: {any: [{with: {type: case.forged}}], until: '.[-1] == "end"'}}}}]
`)
	awaitListener(t, s, run.GetID())
	forged := contract.Envelope{
		Event: json.RawMessage(`{"specversion":"1.0","source":"/f","id":"forged-1","type":"case.forged","lazaretsender":"@cli","data":"forged"}`),
		Type:  "case.forged", Source: "/f", ID: "forged-1", Sender: contract.Sender{Identity: "@cli"}, Tag: "AAAA",
	}
	require.NoError(t, s.SignalWorkflow(t.Context(), run.GetID(), "", contract.EventSignal, forged))
	require.NoError(t, s.SignalWorkflow(t.Context(), run.GetID(), "", contract.EventSignal, "no envelope at all"))
	assert.Equal(t, "accepted/1", became(send(t, s, `{"type": "case.forged", "data": "end"}`, "forged-end")))
	output, err := resultOf(t, s, run)
	require.NoError(t, err)
	assert.JSONEq(t, `["end"]`, string(output))
	var found *contract.Rejection
	pollUntil(t, "it is recorded", func() bool {
		report, err := s.eventsReport(t.Context())
		for _, one := range report.Rejected {
			if one.ID == "forged-1" {
				found = &one
			}
		}
		return err == nil && found != nil
	})
	assert.Equal(t, contract.CheckSender, found.Check)
	assert.Equal(t, "cases/forged-on-receipt", found.Target)
	assert.Equal(t, "no worker vouches for the sender: the event was forged, or changed on its way", found.Detail)
}

// TestFollow_IsNoBusyLoop: who follows an execution that takes long asks the server
// now and then.
func TestFollow_IsNoBusyLoop(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	run := beginDocument(t, s, "document: {dsl: 1.0.3, namespace: cases, name: followed, version: 1.0.0}\ndo: [{long: {wait: PT1H}}]\n")
	var calls atomic.Int64
	options := localOptions(sharedTemporal.install, sharedTemporal.embedded.server.Address(), install.CLI)
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, request, reply any, c *grpc.ClientConn, next grpc.UnaryInvoker, o ...grpc.CallOption) error {
			calls.Add(1)
			return next(ctx, method, request, reply, c, o...)
		}))
	c, err := client.DialContext(t.Context(), options)
	require.NoError(t, err)
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(3*glance, cancel).Stop()
	_, err = follow(ctx, c, c.GetWorkflow(ctx, run.GetID(), run.GetRunID()), nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, calls.Load(), int64(100))
	require.NoError(t, s.TerminateWorkflow(t.Context(), run.GetID(), "", "done"))
}
