package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/codec"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/activities/notify"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/worker/install"
)

// ledgerKeyFlag adds the key to a command that runs a worker among others.
func (a *app) ledgerKeyFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.ledgerKey, "ledger-key", "", "a file with 32 bytes or more by which workers know each other's reports to the ledger, the same for all of them")
}

// readLedgerKey reads the file; nil without one.
func (a *app) readLedgerKey() ([]byte, error) {
	if a.ledgerKey == "" {
		return nil, nil
	}
	return readKeyFile("ledger-key", a.ledgerKey)
}

// localKeys gives a worker the installation's keys where it has none of its own, if
// the Temporal at the address is the one that this installation has up: the worker
// of that one signs reports and stamps events with them, and takes no others.
func (a *app) localKeys(address string, o *serviceOptions) {
	home, _, local := a.localTemporal(address)
	if !local {
		return
	}
	if o.ledgerKey == nil {
		o.ledgerKey = derivedKey(home.SigningKey(), "ledger")
	}
	if o.events.key == nil {
		o.events.key = derivedKey(home.SigningKey(), "events")
	}
}

// localPayloadKeys names the keys with which this installation seals, likewise.
func (a *app) localPayloadKeys(address string) string {
	_, running, _ := a.localTemporal(address)
	return running.PayloadKeys
}

// localTemporal is what this installation has up, if that is the Temporal at the
// address.
func (a *app) localTemporal(address string) (*install.Install, install.Discovery, bool) {
	dir, err := a.statePath()
	if err != nil {
		return nil, install.Discovery{}, false
	}
	// Opening it would make it where there is none.
	if _, err := os.Stat(dir); err != nil {
		return nil, install.Discovery{}, false
	}
	home, err := install.Open(dir)
	if err != nil {
		return nil, install.Discovery{}, false
	}
	running, found, err := home.Running()
	if err != nil || !found || running.Address != address {
		return nil, install.Discovery{}, false
	}
	return home, running, true
}

// readKeyFile reads a key that workers share.
func readKeyFile(flag, file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, invalid("", "--%s %s: %w", flag, file, unwrapPath(err))
	}
	const least = 32
	if len(text) < least {
		return nil, invalid("make one with: head -c 32 /dev/urandom > FILE", "--%s %s: %d bytes, fewer than %d", flag, file, len(text), least)
	}
	return text, nil
}

// ledgerPart is what a worker does for the ledger.
type ledgerPart struct {
	filer  *ledger.Filer
	gate   *ledger.Gate
	cancel context.CancelFunc
	done   chan struct{}
}

// newLedgerPart makes the filer and the gate; follow starts them.
func (s *service) newLedgerPart(options serviceOptions, log zerolog.Logger) (*ledgerPart, error) {
	spool, err := ledger.OpenSpool(filepath.Join(filepath.Dir(options.auditDir), "spool"))
	if err != nil {
		return nil, &exitError{code: exitRefused, err: err, hint: "make the folder writable: violations that Temporal cannot take wait there"}
	}
	key := options.ledgerKey
	switch {
	case key == nil && options.grantKey != nil:
		key = derivedKey(options.grantKey, "ledger")
	case key == nil:
		log.Warn().Msg("without --ledger-key, whoever can write to Temporal can file violations and lift quarantines")
	}
	host, _ := os.Hostname() // for people
	trouble := func(err error) {
		log.Warn().Err(err).Msg("ledger")
		if errors.Is(err, codec.ErrUnknownKey) { // it would never know what is held
			s.fail(err)
		}
	}
	return &ledgerPart{
		filer: &ledger.Filer{Client: s.client, Key: key, Worker: fmt.Sprintf("%d@%s", os.Getpid(), host), Spool: spool, Trouble: trouble},
		gate:  &ledger.Gate{Client: s.client, Namespace: s.namespace, Trouble: trouble, Changed: options.monitor.heldNow},
	}, nil
}

// follow files what waits and keeps the gate's knowledge fresh, until stop.
func (p *ledgerPart) follow() {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.done = cancel, make(chan struct{}, 2)
	go func() { p.filer.Drain(ctx); p.done <- struct{}{} }()
	go func() { p.gate.Follow(ctx); p.done <- struct{}{} }()
}

func (p *ledgerPart) stop() {
	if p == nil || p.cancel == nil {
		return
	}
	p.cancel()
	<-p.done
	<-p.done
}

// registerLedger adds the ledger's local activities to the worker.
func (s *service) registerLedger(options serviceOptions, log zerolog.Logger) {
	(&ledger.Activities{
		Client: s.client, Key: s.ledger.filer.Key, Gate: s.ledger.gate, Level: policies.Maximum, Audit: s.record, Policies: options.policy,
		Notifier: notify.Ledger{Dispatcher: s.notifier},
		Observe: func(n ledger.Notice) {
			logNotice(log, n)
			options.monitor.noticed(n)
		},
	}).Register(s.worker)
}

// logNotice writes the line that alerts look for.
func logNotice(log zerolog.Logger, n ledger.Notice) {
	line := log.Warn()
	if n.Kind == ledger.Released {
		line = log.Info()
	}
	line.
		Str("definition", n.Summary.Namespace+"/"+n.Summary.Name).
		Str("kind", string(n.Kind)).
		Str("state", n.Summary.State).
		Int("counted", n.Summary.Counted).
		Int("limit", n.Summary.Limit).
		Str("incident", n.Summary.Incident).
		Str("by", n.By).
		Str("reason", n.Reason).
		Msg("ledger: " + string(n.Kind))
}

// tellEvent files an event that a definition may not send.
func (s *service) tellEvent(sender contract.Sender, o contract.Outcome) {
	severity := map[string]string{contract.CheckSender: "High", contract.CheckRule: "Low"}[o.Check]
	namespace, name, ok := splitIdentity(sender.Identity)
	if o.Status != contract.Rejected || severity == "" || !ok {
		return
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s", sender.Execution, o.Source, o.ID, o.Check))
	ctx, cancel := context.WithTimeout(context.Background(), tellTimeout)
	defer cancel()
	_ = s.ledger.filer.Tell(ctx, contract.ViolationReport{Namespace: namespace, Name: name, Violations: []contract.Violation{{
		ID: hex.EncodeToString(sum[:16]), Type: "CommunicationViolation", Severity: severity, Subject: o.Detail, Count: 1, Action: "rejected",
		At: time.Now().UTC(), Version: sender.Version, Digest: sender.Digest, Execution: sender.Execution, Policy: o.Policy,
	}}}) // it went to the worker's log too
}

const tellTimeout = 10 * time.Second

// splitIdentity takes a definition's namespace/name apart; senders that are no
// definition begin with an @.
func splitIdentity(identity string) (namespace, name string, ok bool) {
	namespace, name, ok = strings.Cut(identity, "/")
	return namespace, name, ok && !strings.HasPrefix(identity, "@")
}
