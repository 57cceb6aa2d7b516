package worker

import (
	"bytes"
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listenFlags are the flags that say where something listens, with a part of the
// hint when others could reach that address.
var listenFlags = map[string]string{
	"lazaret up --address":             "use 127.0.0.1:PORT",
	"lazaret up --ui-address":          "use 127.0.0.1:PORT",
	"lazaret up --metrics-address":     "put a proxy with TLS and authentication in front",
	"lazaret up --event-listen":        "give --event-tls-cert and --event-tls-key",
	"lazaret worker --metrics-address": "put a proxy with TLS and authentication in front",
	"lazaret worker --event-listen":    "give --event-tls-cert and --event-tls-key",
	"lazaret codec-server --address":   "serve TLS with --tls-cert and --tls-key",
}

// otherFlags look like such flags, and are none.
var otherFlags = map[string]string{
	"lazaret doctor --metrics-address": "where it asks",
	"tls-cert":                         "a file", "event-tls-cert": "a file",
	"allow-net": "where scripts may go", "call-host": "where calls may go", "call-plaintext": "where calls may go",
	"host-override": "where calls go", "source-host": "where sources come from", "private-network": "where sources come from",
	"python-index-host": "where packages come from",
}

// mayListen finds flags that could say where something listens, by what they are
// called, what they say of themselves, and what they are by default.
func mayListen(f *pflag.Flag) bool {
	_, _, err := net.SplitHostPort(f.DefValue)
	return err == nil || addressWords.MatchString(f.Name+" "+f.Usage)
}

var addressWords = regexp.MustCompile(`(?i)\b(address|addr|listens?|ports?|bind|serves?|loopback|host:port|socket)\b`)

// Every flag that could say where something listens is known here: a new one fails
// until it is. Those that do are loopback addresses by default, or nothing, and are
// refused as usage, with the flag and the remedy, when others could reach what they
// serve without TLS and a token (C03, C16).
func TestListeners_Flags(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	more := map[string][]string{
		"--event-listen": {"--event-senders", sendersFile(t), "--metrics-address", ""},
		"codec-server":   codecArguments(t),
	}
	seen := map[string]bool{}
	visitFlags((&app{}).rootCommand(), func(cmd *cobra.Command, f *pflag.Flag) {
		name := cmd.CommandPath() + " --" + f.Name
		remedy, ok := listenFlags[name]
		if !ok {
			assert.True(t, !mayListen(f) || otherFlags[f.Name] != "" || otherFlags[name] != "", "%s (%s): does anything listen there?", name, f.Usage)
			return
		}
		seen[name] = true
		if f.DefValue != "" {
			require.NoError(t, loopback(f.Name, f.DefValue, ""), name)
		}
		words := strings.Fields(cmd.CommandPath())[1:]
		arguments := append(words, append(more["--"+f.Name], more[words[0]]...)...)
		for _, address := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:80", "example.org:80", "127.0.0.1.example.org:80"} {
			requireRefused(t, append(arguments, "--"+f.Name, address), name, "--"+f.Name, remedy)
		}
		requireRefused(t, append(arguments, "--"+f.Name, "127.0.0.1"), name, "--"+f.Name, "give it as host:port")
	})
	for name := range listenFlags {
		require.True(t, seen[name], "%s is no flag any more", name)
	}
}

func visitFlags(cmd *cobra.Command, visit func(*cobra.Command, *pflag.Flag)) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { visit(cmd, f) })
	for _, below := range cmd.Commands() {
		visitFlags(below, visit)
	}
}

// codecArguments are what a codec server wants beside its address.
func codecArguments(t *testing.T) []string {
	t.Helper()
	keys, token := filepath.Join(t.TempDir(), "keys"), filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte(strings.Repeat("t", minToken)), 0o600))
	code := (&app{stdout: &bytes.Buffer{}, stderr: os.Stderr}).execute(t.Context(), []string{"keys", "create", keys})
	require.Equal(t, exitCompleted, code)
	return []string{"--payload-keys", keys, "--ui-origin", "https://ui.example.org", "--token-file", token}
}

// requireRefused requires that a command is refused as usage, with these words.
func requireRefused(t *testing.T, arguments []string, where string, words ...string) {
	t.Helper()
	var said bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), patience) // what is not refused goes on and on
	defer cancel()
	code := (&app{build: testBuild, stdin: strings.NewReader(""), stdout: &said, stderr: &said}).execute(ctx, arguments)
	require.Equal(t, exitInvalid, code, "%s: %v: %s", where, arguments, &said)
	for _, word := range words {
		require.Contains(t, said.String(), word, where)
	}
}

// listeningSites are the files of the product that make something listen. Each of
// them takes its address from a flag above, or is on the loopback device of a
// namespace without a network.
var listeningSites = map[string]string{
	"worker/monitor.go":           "--metrics-address",
	"worker/ingress.go":           "--event-listen",
	"worker/codecserver.go":       "--address",
	"worker/devserver/address.go": "--address, --ui-address, and ports of 127.0.0.1 between the parts of Temporal",
	"sandbox/probe_network.go":    "127.0.0.1, for a moment: whether a sandbox reaches it",
}

var listens = regexp.MustCompile(`\b(Listen|ListenTCP|ListenUDP|ListenUnix|ListenPacket|ListenAndServe|ListenAndServeTLS)\(`)

// Nothing else in the product listens: who adds a listener adds it here, with the
// flag that the other test knows.
func TestListeners_Sites(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, part := range []string{"worker", "activities", "policies", "sandbox", "workflows"} {
		require.NoError(t, filepath.WalkDir("../"+part, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file := strings.TrimPrefix(path, "../")
			if strings.Contains(file, "test/") { // packages that only tests import
				return nil
			}
			text, err := os.ReadFile(path)
			if err == nil && listens.Match(text) {
				found[file] = true
				require.Contains(t, listeningSites, file, "it listens: where, and who says so?")
			}
			return err
		}))
	}
	require.Len(t, found, len(listeningSites))
}
