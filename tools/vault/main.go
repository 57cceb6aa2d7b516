// Command vault is HashiCorp's Vault for the tests of secrets: a server on loopback
// that keeps everything in memory, with the KV engine and the AppRole login.
//
// It is Vault's own core and HTTP API, unsealed at the start as vault server -dev is.
// Left out is what only clouds need: go.mod replaces go-discover and five of
// go-kms-wrapping by packages of the folder leftout, which take half of the
// compile time and are never called with a Shamir seal.
//
// Vault is under the Business Source License 1.1. It is fetched and built for the
// tests alone; nothing of it is in the product, nor shipped with it.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/helper/namespace"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
	"github.com/hashicorp/vault/version"
)

// started is what it prints, as one line of JSON, when it listens.
type started struct {
	Version string `json:"version"`
	Address string `json:"address"` // host:port
	Token   string `json:"token"`   // root's
	Key     string `json:"key"`     // unseals it
}

func main() {
	address := flag.String("listen", "127.0.0.1:0", "host:port to listen on")
	certificate := flag.String("certificate", "", "PEM file; with it, TLS is spoken")
	key := flag.String("key", "", "PEM file of the certificate's key")
	flag.Parse()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with who started it
		os.Exit(0)
	}()
	if err := serve(*address, *certificate, *key); err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		os.Exit(1)
	}
}

func serve(address, certificate, key string) error {
	core, about, err := unsealed()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	about.Address = listener.Addr().String()
	if err := json.NewEncoder(os.Stdout).Encode(about); err != nil {
		return err
	}
	server := &http.Server{
		Handler: vaulthttp.Handler.Handler(&vault.HandlerProperties{
			Core: core, ListenerConfig: &configutil.Listener{MaxRequestDuration: vault.DefaultMaxRequestDuration},
		}),
		ReadHeaderTimeout: time.Minute,
	}
	if certificate != "" {
		return server.ServeTLS(listener, certificate, key)
	}
	return server.Serve(listener)
}

// unsealed is a new Vault with nothing in it.
func unsealed() (*vault.Core, started, error) {
	logger := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.Warn})
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return nil, started{}, err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		BuiltinRegistry:    registry{},
		LogicalBackends:    map[string]logical.Factory{"kv": kv.Factory},
		CredentialBackends: map[string]logical.Factory{"approle": approle.Factory},
		DisableMlock:       true,
		Logger:             logger,
	})
	if err != nil {
		return nil, started{}, err
	}
	ctx := namespace.ContextWithNamespace(context.Background(), namespace.RootNamespace)
	result, err := core.Initialize(ctx, &vault.InitParams{BarrierConfig: &vault.SealConfig{SecretShares: 1, SecretThreshold: 1}})
	if err != nil {
		return nil, started{}, err
	}
	key := result.SecretShares[0]
	if _, err := core.Unseal(slices.Clone(key)); err != nil {
		return nil, started{}, err
	}
	return core, started{Version: version.GetVersion().VersionNumber(), Token: result.RootToken, Key: hex.EncodeToString(key)}, nil
}

// registry lists the engines that are built in.
type registry struct{}

func (registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	var factory logical.Factory
	switch {
	case name == "kv" && kind == consts.PluginTypeSecrets:
		factory = kv.Factory
	case name == "approle" && kind == consts.PluginTypeCredential:
		factory = approle.Factory
	default:
		return nil, false
	}
	return func() (any, error) { return factory, nil }, true
}

func (r registry) Contains(name string, kind consts.PluginType) bool {
	_, there := r.Get(name, kind)
	return there
}

func (registry) Keys(kind consts.PluginType) []string {
	switch kind {
	case consts.PluginTypeSecrets:
		return []string{"kv"}
	case consts.PluginTypeCredential:
		return []string{"approle"}
	}
	return nil
}

func (r registry) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
