package worker

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"lazaret.dev/lazaret/activities/contract"
)

// functionsAsked counts what the host of functions was asked for.
var functionsAsked atomic.Int64

// serveFunctions is a catalog on the host of scripts.
func serveFunctions(w http.ResponseWriter, r *http.Request) {
	functionsAsked.Add(1)
	switch r.URL.Path {
	case "/functions/greet/1.0.0/function.yaml":
		_, _ = fmt.Fprint(w, `
input: {schema: {document: {type: object, required: [name]}}}
do:
  - hello: {set: {greeting: '${ "Hello, " + .name }'}}
  - again: {run: {script: {language: python, arguments: {text: '${ .greeting }'}, code: 'print(text + "!", end="")'}}}
`)
	case "/functions/bad.yaml":
		_, _ = fmt.Fprint(w, "do:\n  - hello: {sett: {x: 1}}\n")
	case "/functions/listing.yaml":
		_, _ = fmt.Fprint(w, "<html><body>no function</body></html>")
	case "/functions/binary.yaml":
		_, _ = w.Write([]byte{'s', 0xff, 0xfe})
	case "/functions/large.yaml":
		_, _ = fmt.Fprint(w, "set: {x: '"+strings.Repeat("x", contract.MaxFunction)+"'}")
	case "/functions/endless.yaml":
		_, _ = fmt.Fprintf(w, "{call: 'https://%s/functions/endless.yaml'}", r.Host)
	default:
		http.NotFound(w, r)
	}
}

func callDocument(name, catalogs, call string) string {
	return fmt.Sprintf(`
document: {dsl: 1.0.3, namespace: test, name: %s, version: 1.0.0}
use: {catalogs: {%s}}
do:
  - each:
      for: {in: '["Ada", "Alan"]'}
      do: [{greet: {call: '%s', with: {name: '${ $item }'}}}]
`, name, catalogs, call)
}

// TestFunction_Cataloged: a function of a catalog is fetched once an execution,
// its text stands in history, and its script runs in a sandbox as any other.
func TestFunction_Cataloged(t *testing.T) {
	temporalSession(t)
	before := functionsAsked.Load()
	catalog := "tools: {endpoint: {uri: '" + scriptSite.base + "/'}}"
	output, id, err := execute(t, callDocument("cataloged", catalog, "greet:1.0.0@tools"), "null")
	require.NoError(t, err)
	assert.JSONEq(t, `"Hello, Alan!"`, string(output))
	assert.Equal(t, int64(1), functionsAsked.Load()-before)
	var activities []string
	fetched := ""
	for _, event := range historyEvents(t, temporalSession(t), id, "") {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			activities = append(activities, event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName())
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			for _, p := range event.GetActivityTaskCompletedEventAttributes().GetResult().GetPayloads() {
				fetched += string(p.GetData())
			}
		}
	}
	assert.Equal(t, []string{contract.FetchFunction, contract.RunScript, contract.RunScript}, activities)
	assert.Contains(t, fetched, `"sha256":"`)
}

// TestFunction_Elsewhere: what is no function is a fault of the calling task.
func TestFunction_Elsewhere(t *testing.T) {
	temporalSession(t)
	for path, want := range map[string]contract.Fault{
		"/functions/bad.yaml":     {Type: contract.ConfigurationError, Detail: `unknown task kind "sett"`},
		"/functions/listing.yaml": {Type: contract.ConfigurationError, Detail: "function: "},
		"/functions/binary.yaml":  {Type: contract.ValidationError, Detail: "UTF-8"},
		"/functions/large.yaml":   {Type: contract.ValidationError, Detail: "limit"},
		"/functions/none.yaml":    {Type: contract.CommunicationError, Detail: "404"},
		"/functions/endless.yaml": {Type: contract.RuntimeError, Detail: "functions nest deeper than 32"},
	} {
		_, _, err := execute(t, callDocument("elsewhere", "", scriptSite.base+path), "null")
		var fault *contract.Fault
		require.ErrorAs(t, err, &fault, path)
		assert.Equal(t, "/do/0/each/do/0/greet", fault.Instance, path)
		assert.Contains(t, fault.Detail, want.Detail, path)
		assert.Equal(t, want.Type, fault.Type, "%s: %s", path, fault.Detail)
	}
	_, _, err := execute(t, callDocument("refused", "", "https://other.example.com/function.yaml"), "null")
	requireFault(t, err, contract.Refused, "--source-host other.example.com")
}
