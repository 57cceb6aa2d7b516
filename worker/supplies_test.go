package worker

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/activities/sources"
	"lazaret.dev/lazaret/sandbox/egress"
)

// scriptSite is the host of remote scripts and the package index, example.com on
// this machine's loopback, of all tests on the shared Temporal.
var scriptSite struct {
	*httptest.Server
	base  string
	asked atomic.Int64 // for /changing.py, which is never the same
}

const remoteScript = "import json, sys\njson.dump([x, sys.argv[1:]], sys.stdout)\n"

func serveScripts(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/functions/") {
		serveFunctions(w, r)
		return
	}
	switch r.URL.Path {
	case "/script.py":
		_, _ = w.Write([]byte(remoteScript))
	case "/changing.py":
		_, _ = fmt.Fprintf(w, "print(%d, end='')", scriptSite.asked.Add(1))
	case "/downgrade.py":
		http.Redirect(w, r, "http://example.com/script.py", http.StatusFound)
	case "/simple/answers/":
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<a href=\"/files/%[1]s\">%[1]s</a>\n", answersFile)
	case "/files/" + answersFile:
		_, _ = w.Write(answersWheel)
	default:
		http.NotFound(w, r)
	}
}

type onLoopback struct{}

func (onLoopback) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// startSupplies gives the shared worker a host of scripts and an index of packages.
func startSupplies(dir string, public *publicSite) activities.Supplies {
	scriptSite.Server = httptest.NewTLSServer(http.HandlerFunc(serveScripts))
	port := scriptSite.URL[strings.LastIndex(scriptSite.URL, ":"):]
	scriptSite.base = "https://example.com" + port
	rules, _ := egress.ParseRules([]string{"example.com" + port, "127.0.0.1" + port, "raw.githubusercontent.com"})
	roots := x509.NewCertPool()
	roots.AddCert(scriptSite.Certificate())
	roots.AddCert(public.secure.Certificate())
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: scriptSite.Certificate().Raw})
	index, _ := environments.NewIndex(scriptSite.base+"/simple/", rules, ca)
	index.Resolver = onLoopback{}
	return activities.Supplies{
		Scripts: sources.Scripts{
			Fetcher: sources.Fetcher{Rules: rules, Roots: roots, Resolver: onLoopback{}, Overrides: public.overrides()},
			Store:   sources.Store{Dir: filepath.Join(dir, "scripts")},
		},
		Pythons:      environments.FindPythons(),
		Environments: &environments.Environments{Index: index, Cache: environments.Cache{Dir: filepath.Join(dir, "environments")}},
	}
}

// answersWheel is a package with one module: answers.answer is 42.
var answersWheel = makeAnswers()

const answersFile = "answers-1.0-py3-none-any.whl"

func makeAnswers() []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, content := range map[string]string{
		"answers.py":                     "answer = 42\n",
		"answers-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: answers\nVersion: 1.0\n",
		"answers-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"answers-1.0.dist-info/RECORD":   "answers.py,,\n",
	} {
		w, _ := z.Create(name)
		_, _ = w.Write([]byte(content))
	}
	_ = z.Close()
	return out.Bytes()
}

func remote(t *testing.T, path, metadata string) string {
	t.Helper()
	temporalSession(t) // starts the site
	return fmt.Sprintf(`
document: {dsl: 1.0.3, namespace: test, name: remote, version: 1.0.0}
do:
  - each:
      for: {in: '${ [1, 2] }'}
      do:
        - run:
            metadata: %s
            run: {script: {language: python, arguments: {x: 7}, source: {endpoint: %q}}}
`, metadata, scriptSite.base+path)
}

func requireFault(t *testing.T, err error, kind, detail string) {
	t.Helper()
	var fault *contract.Fault
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, kind, fault.Type)
	assert.Contains(t, fault.Detail, detail)
}

// A remote script is fetched once an execution, and its digest stands in history.
func TestSource(t *testing.T) {
	output, id, err := execute(t, remote(t, "/script.py", "{}"), "null")
	require.NoError(t, err)
	assert.JSONEq(t, `"[7, [\"--x\", \"7\"]]"`, string(output))
	var activities []string
	for _, event := range historyEvents(t, temporalSession(t), id, "") {
		if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
			activities = append(activities, event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName())
		}
	}
	assert.Equal(t, []string{"script.fetch", "run.script", "run.script"}, activities)

	asked := scriptSite.asked.Load()
	_, _, err = execute(t, remote(t, "/changing.py", "{}"), "null")
	require.NoError(t, err)
	assert.Equal(t, asked+1, scriptSite.asked.Load(), "the second round runs the same bytes")
}

func TestSource_Pinned(t *testing.T) {
	sum := sha256.Sum256([]byte(remoteScript))
	_, _, err := execute(t, remote(t, "/script.py", "{script: {sha256: '"+hex.EncodeToString(sum[:])+"'}}"), "null")
	require.NoError(t, err)
	_, _, err = execute(t, remote(t, "/changing.py", "{script.sha256: '"+strings.Repeat("0", 64)+"'}"), "null")
	requireFault(t, err, contract.AuthorizationError, "its pin script.sha256 is 000")
}

func TestSource_Refused(t *testing.T) {
	_, _, err := execute(t, remote(t, "/downgrade.py", "{}"), "null")
	requireFault(t, err, contract.ConfigurationError, "Only HTTPS URLs are allowed for external scripts")
	_, _, err = execute(t, remote(t, "/none.py", "{}"), "null")
	requireFault(t, err, contract.CommunicationError, "status 404")
	_, _, err = execute(t, `
document: {dsl: 1.0.3, namespace: test, name: remote, version: 1.0.0}
do: [{run: {run: {script: {language: python, source: {endpoint: '${ "https://evil.test/" }'}}}}}]
`, "null")
	requireFault(t, err, contract.Refused, "--source-host evil.test")
}

// Packages are installed once and imported from a folder that the script cannot write.
func TestPackages(t *testing.T) {
	const flow = `
document: {dsl: 1.0.3, namespace: test, name: packages, version: 1.0.0, metadata: {python: {version: "3.11", packages: "answers>=1"}}}
do:
  - run:
      run:
        script:
          language: python
          code: |
            import answers, os, sys
            assert not os.access(answers.__file__, os.W_OK)
            print(answers.answer, sys.version_info.minor, end="")
`
	for range 2 {
		output, _, err := execute(t, flow, "null")
		require.NoError(t, err)
		assert.Equal(t, `"42 11"`, string(output))
	}
	_, _, err := execute(t, strings.Replace(flow, "3.11", "3.2", 1), "null")
	requireFault(t, err, contract.ConfigurationError, `Python "3.2" is not on this worker, which has `)
	_, _, err = execute(t, strings.Replace(flow, "answers>=1", "unknown", 1), "null")
	requireFault(t, err, contract.ConfigurationError, "package unknown is not in ")
	_, _, err = execute(t, strings.Replace(flow, `packages: "answers>=1"`, `requirements_url: "https://example.com/r.txt"`, 1), "null")
	requireFault(t, err, contract.Refused, "--python-requirements")
}
