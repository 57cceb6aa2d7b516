// Package vaulttest runs HashiCorp's Vault for tests: the server of tools/vault, a
// process of its own on loopback, which scripts/tools builds on first use.
package vaulttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hashicorp/vault/api"
)

// Server is a Vault with nothing in it, unsealed.
type Server struct {
	Version string `json:"version"` // of Vault
	Address string `json:"address"` // URL
	Token   string `json:"token"`   // of root
	Key     string `json:"key"`     // unseals it
	// Root asks it with root's token.
	Root *api.Client `json:"-"`

	process *exec.Cmd
	stdin   io.Closer
	said    bytes.Buffer
}

// TLS are files by which a server is asked over TLS.
type TLS struct {
	Certificate, Key string // PEM files
	Authority        string // PEM file
}

// Start starts a Vault, over TLS if files is not nil. Stop ends it; it also ends with
// this process.
func Start(ctx context.Context, files *TLS) (*Server, error) {
	path, err := program(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{}
	var arguments []string
	scheme := "http://"
	if files != nil {
		arguments = []string{"-certificate", files.Certificate, "-key", files.Key}
		scheme = "https://"
	}
	s.process = exec.CommandContext(context.WithoutCancel(ctx), path, arguments...) //nolint:gosec // scripts/tools named it
	s.process.Stderr = &s.said
	if s.stdin, err = s.process.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(stdout).Decode(s); err != nil {
		s.Stop()
		return nil, fmt.Errorf("vault did not start: %w: %s", err, s.said.String())
	}
	s.Address = scheme + s.Address
	if s.Root, err = s.root(files); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// root asks the server itself, whatever a test says in the environment.
func (s *Server) root(files *TLS) (*api.Client, error) {
	config := api.DefaultConfig()
	if config.Error != nil {
		return nil, config.Error
	}
	config.Address, config.AgentAddress = s.Address, ""
	if files != nil {
		if err := config.ConfigureTLS(&api.TLSConfig{CACert: files.Authority}); err != nil {
			return nil, err
		}
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, err
	}
	client.ClearNamespace()
	client.SetToken(s.Token)
	return client, nil
}

// Stop ends the server and waits for it.
func (s *Server) Stop() {
	_ = s.stdin.Close()
	_ = s.process.Wait()
}

// program is the path of the server, which is built if it is not there.
func program(ctx context.Context) (string, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("BUG: no caller")
	}
	tools := filepath.Join(filepath.Dir(here), "../../../scripts/tools")
	build := exec.CommandContext(ctx, tools, "vault") //nolint:gosec // a file of the project
	var said bytes.Buffer
	build.Stderr = &said
	out, err := build.Output()
	if err != nil {
		return "", fmt.Errorf("scripts/tools vault: %w: %s", err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}
