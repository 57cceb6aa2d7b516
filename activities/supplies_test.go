package activities

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/activities/sources"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox/egress"
)

type onLoopback struct{}

func (onLoopback) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// texts serves texts by path as https://example.com, on this machine's loopback.
func texts(t *testing.T, content map[string]string) (base string, fetcher sources.Fetcher) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(content[r.URL.Path]))
	}))
	t.Cleanup(server.Close)
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	rules, err := egress.ParseRules([]string{"example.com" + port, "127.0.0.1" + port})
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return "https://example.com" + port, sources.Fetcher{Rules: rules, Roots: roots, Resolver: onLoopback{}}
}

// lockPackages runs the activity on a worker with these supplies.
func lockPackages(t *testing.T, supplies Supplies, policy PolicyProvider, request contract.PackageRequest) (contract.PackageLock, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	p := &Processes{Supplies: supplies, Interpreters: HostInterpreters(), Policies: policy}
	p.Register(env)
	var lock contract.PackageLock
	value, err := env.ExecuteActivity(contract.LockPackages, request)
	if err == nil {
		err = value.Get(&lock)
	}
	return lock, err
}

func TestLockPackages_RequirementsURL(t *testing.T) {
	line := "six==1.16.0 --hash=sha256:" + strings.Repeat("0", 64) + "\n"
	base, fetcher := texts(t, map[string]string{"/good": "# comment\n" + line, "/unhashed": "six==1.16.0\n", "/options": "--index-url https://evil.test\n"})
	supplies := Supplies{Scripts: sources.Scripts{Fetcher: fetcher}, Environments: &environments.Environments{}}
	permitted := atLevel(policies.Maximum, func(e *policies.Effective) { e.Python.Requirements = true })
	lock, err := lockPackages(t, supplies, permitted, contract.PackageRequest{RequirementsURL: base + "/good"})
	require.NoError(t, err)
	assert.Equal(t, line, lock.Lock)
	for url, want := range map[string]string{
		base + "/unhashed":     "six==1.16.0 has no hash in its lock",
		base + "/options":      "is an option of pip",
		"http://example.com/r": sources.OnlyHTTPS,
		"https://evil.test/r":  "--source-host evil.test",
	} {
		_, err := lockPackages(t, supplies, permitted, contract.PackageRequest{RequirementsURL: url})
		require.ErrorContains(t, err, want)
	}
	_, err = lockPackages(t, supplies, nil, contract.PackageRequest{RequirementsURL: base + "/good"})
	require.ErrorContains(t, err, "the operator permit it with --python-requirements")
}

// Nothing is supplied by default.
func TestSupplies_ZeroRefusesAll(t *testing.T) {
	_, err := lockPackages(t, Supplies{}, nil, contract.PackageRequest{Packages: []string{"six"}})
	require.ErrorContains(t, err, "--python-index")
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	(&Processes{Interpreters: HostInterpreters()}).Register(env)
	for request, want := range map[*contract.Process]string{
		{Language: "python", Version: "3.12"}:                                                "which has none",
		{Language: "python", Source: contract.RemoteScript{URL: "https://example.com/x.py"}}: "--source-host example.com",
		{Language: "python", Lock: "six==1 --hash=sha256:" + strings.Repeat("0", 64)}:        "--python-index",
		{Language: "python", Lock: "--index-url=https://evil.test"}:                          "is an option of pip",
		{Language: "python", Source: contract.RemoteScript{URL: "http://example.com/x.py"}}:  sources.OnlyHTTPS,
	} {
		_, err := env.ExecuteActivity(contract.RunScript, *request)
		require.ErrorContains(t, err, want)
	}
}
