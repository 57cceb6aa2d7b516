//go:build !nodevserver

package devserver_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"lazaret.dev/lazaret/worker/devserver"
	"lazaret.dev/lazaret/worker/install"
)

// shared is the server that most tests speak to; sharedInstall is its folder,
// sharedPorts are all addresses that it listens on.
var (
	shared        *devserver.Server
	sharedInstall *install.Install
	sharedPorts   []string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if dir := os.Getenv(victimEnv); dir != "" {
		return victim(dir)
	}
	dir, err := os.MkdirTemp("", "lazaret-devserver-*")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if sharedInstall, err = install.Open(dir); err != nil {
		panic(err)
	}
	begin := time.Now()
	if shared, err = devserver.Start(context.Background(), options(sharedInstall)); err != nil {
		panic(err)
	}
	fmt.Printf("start: %v\n", time.Since(begin))
	sharedPorts = ownListeners()
	code := m.Run()
	begin = time.Now()
	if err := shared.Stop(); err != nil {
		panic(err)
	}
	fmt.Printf("stop: %v\n", time.Since(begin))
	return code
}

// newInstall opens an installation in a folder of the test.
func newInstall(t *testing.T) *install.Install {
	t.Helper()
	i, err := install.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// options returns options with free ports and log lines in the test's output.
func options(i *install.Install) devserver.Options {
	return devserver.Options{
		Install:    i,
		Address:    "127.0.0.1:0",
		UIAddress:  "127.0.0.1:0",
		VerboseLog: os.Getenv("VERBOSE") != "",
		Logger:     zerolog.New(zerolog.NewConsoleWriter()).With().Timestamp().Logger(),
		SearchAttributes: map[string]enumspb.IndexedValueType{
			"LazaretState":      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
			"LazaretViolations": enumspb.INDEXED_VALUE_TYPE_INT,
		},
	}
}

// dial returns a client of s as principal p of i.
func dial(tb testing.TB, i *install.Install, s *devserver.Server, p install.Principal) client.Client {
	tb.Helper()
	c, err := client.DialContext(tb.Context(), client.Options{
		HostPort:        s.Address(),
		HeadersProvider: i.Credentials(p),
		Logger:          quiet{},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// quiet drops what the SDK logs.
type quiet struct{}

var _ sdklog.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
