package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/rs/zerolog"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/events"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/activities/notify"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/workflows"
	"lazaret.dev/lazaret/workflows/definition"
)

// serviceOptions configure a worker; zero values mean the defaults.
type serviceOptions struct {
	policy       *policySource // what each definition may
	grace        time.Duration // how long a script may go on after stop
	maxScripts   int           // at the same time
	grantKey     []byte        // verifies grants of weaker levels
	monitor      *monitor      // metrics; nil: none
	supplies     activities.Supplies
	calls        callSupplies
	auditDir     string
	warm         sandbox.PoolLimits
	ahead        bool                  // have an interpreter wait before there is a script
	register     bool                  // the search attributes that the namespace lacks
	degradations policies.Degradations // of lazaret's own programs
	oneRun       bool                  // the worker is for one execution, whose own faults say what is missing
	events       eventOptions
	ingress      *ingress // takes events over HTTP; nil: none
	ledgerKey    []byte   // that workers share; nil: the installation's
	sealed       *encryption
}

// service is a running worker: it polls Temporal and runs what it is given.
type service struct {
	client    client.Client
	work      client.Client // the worker's own, on the same connection
	namespace string
	worker    sdkworker.Worker
	processes *activities.Processes
	calls     *activities.Calls
	runner    *sandbox.Runner
	audit     *audit.Log
	record    activities.Auditor // the audit log, tapped for metrics
	anchors   *anchoring         // nil: the log's heads stay in its folder
	machines  *driver.Pool
	events    *events.Gateway
	ingress   *ingress
	policy    *policyWatch
	unwatch   func() // ends the watch over the policy
	notifier  *notify.Dispatcher
	ledger    *ledgerPart
	failed    chan error // gets the error that ended the worker
}

// reportGrace is the time, beyond the scripts', to tell Temporal how they ended.
const reportGrace = 3 * time.Second

// startService connects a worker and starts it. A machine that cannot sandbox
// gets a worker all the same: what needs no sandbox runs, the rest faults and
// says what is missing.
func (a *app) startService(ctx context.Context, connection client.Options, options serviceOptions) (*service, error) {
	log := a.logger(zerolog.WarnLevel)
	connection.Logger = temporalLogger(log)
	if options.monitor != nil {
		connection.MetricsHandler = options.monitor.handler
	}
	c, err := a.dial(ctx, connection)
	if err != nil {
		return nil, err
	}
	s := &service{client: c, namespace: connection.Namespace, failed: make(chan error, 1)}
	if s.work, err = client.NewClientFromExistingWithContext(ctx, c, options.sealed.working(connection)); err != nil {
		c.Close()
		return nil, unreachable(fmt.Errorf("worker: %w", err), "")
	}
	if s.audit, err = audit.Open(options.auditDir, audit.Limits{}, nil); err != nil {
		s.close()
		return nil, auditError(err)
	}
	s.notifier = startNotifier(options, log) //nolint:contextcheck // it lives as long as the service
	s.record = tap{log: s.audit, monitor: options.monitor, found: s.found(options.policy)}
	s.policy = &policyWatch{source: options.policy, log: log, audit: s.record, monitor: options.monitor}
	if err := s.policy.begin(); err != nil {
		s.close()
		return nil, err
	}
	s.processes = a.processes(options, log)
	s.processes.Audit = s.record
	s.calls = newCalls(options, log)
	s.calls.Audit = s.record
	options.warm.Report = func(err error) { log.Warn().Err(err).Msg("warm interpreters are started, not copied") }
	s.runner, err = sandbox.New(sandbox.Options{Warm: options.warm})
	if err != nil {
		log.Warn().Err(err).Msg("no sandbox on this machine: tasks that run programs will fault; see lazaret doctor")
		s.processes.Runner = noSandbox{err}
	} else {
		s.processes.Runner = s.runner
		options.monitor.watchPool(s.runner)
		if !options.oneRun {
			unlisted := options.policy.unlisted()
			logLacks(log, s.runner.Lacks(), unlisted.Level, unlisted.AllowDegraded)
		}
	}
	s.processes.Checker = &checker.Checker{Runner: options.own(s.processes.Runner), Python: s.processes.Interpreters.Python}
	if e := s.processes.Supplies.Environments; e != nil {
		e.Runner = options.own(s.processes.Runner)
		e.Cache.Sweep(ctx)
	}
	if s.ledger, err = s.newLedgerPart(options, log); err != nil {
		s.close()
		return nil, err
	}
	s.processes.Filer, s.calls.Filer = s.ledger.filer, s.ledger.filer
	s.worker = newWorker(s.work, options, s.ledger.gate, s.fail)
	s.events = a.gateway(c, options, log, s.tellEvent)
	if err := s.register(options, a.build, connection.DataConverter, log); err != nil {
		s.close()
		return nil, err
	}
	workflows.RegisterWith(s.worker, workflows.Options{Telling: s.telling})
	s.policy.prepare = func(p *policies.Policy) (func(), error) { return s.follow(ctx, p, log) }
	if options.register {
		if err := s.ensureAttributes(ctx); err != nil {
			s.close()
			return nil, err
		}
	}
	s.ledger.follow() //nolint:contextcheck // until the service is closed
	if err := s.worker.Start(); err != nil {
		s.close()
		return nil, unreachable(fmt.Errorf("worker: %w", err), "")
	}
	if !options.oneRun {
		s.anchors = startAnchoring(c, s.audit, log) //nolint:contextcheck // until the service is closed
	}
	s.watchMachines(ctx, options.policy.watchedHosts(), log)
	if options.ahead {
		s.warmUp(ctx, log)
	}
	s.ingress = options.ingress
	s.ingress.serve(s.events, options.monitor, log)
	s.watchPolicy() //nolint:contextcheck // until the service is closed
	return s, nil
}

// register adds all activities to the worker.
func (s *service) register(options serviceOptions, build Build, data converter.DataConverter, log zerolog.Logger) error {
	starters := &activities.Starters{First: s.firstEvent}
	s.ledger.gate.Suspended = (&activities.Suspensions{Policy: options.policy.current.Load, Starters: starters, Audit: s.record}).Check
	s.registerLedger(options, log)
	s.processes.Register(s.worker)
	s.calls.Register(s.worker)
	if err := s.registerLibvirt(options, starters, log); err != nil {
		return err
	}
	s.events.Register(s.worker)
	s.registerMachineEvents(options, log)
	(&activities.Definitions{Suggest: definition.Suggest, Runtime: build.Version, Converter: data, Policy: options.policy.digest}).Register(s.worker)
	return nil
}

// follow makes ready what a policy says of events, and of hosts that are watched.
func (s *service) follow(ctx context.Context, p *policies.Policy, log zerolog.Logger) (inForce func(), err error) {
	o, err := eventOptions{}.under(p)
	return func() {
		s.events.Replace(o.rules, o.sinks, p.Digest)
		s.watchMachines(context.WithoutCancel(ctx), p.WatchedHosts(), log)
	}, err
}

// watchPolicy replaces the policy when its file changes, until the service closes.
func (s *service) watchPolicy() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.policy.run(ctx)
	}()
	s.unwatch = func() { cancel(); <-done }
}

// warmUp has an interpreter wait for the first script of the worker's own level,
// in the background.
func (s *service) warmUp(ctx context.Context, log zerolog.Logger) {
	if s.runner == nil {
		return
	}
	go func() {
		if err := s.processes.Keep(ctx, s.runner); err != nil && ctx.Err() == nil && !errors.Is(err, sandbox.ErrClosed) {
			log.Debug().Err(err).Msg("no interpreter is kept warm")
		}
	}()
}

func (a *app) processes(options serviceOptions, log zerolog.Logger) *activities.Processes {
	p := &activities.Processes{
		Interpreters: activities.HostInterpreters(),
		Policies:     options.policy,
		GrantKey:     options.grantKey,
		Grace:        options.grace,
		Supplies:     options.supplies,
		Secrets:      options.calls.secrets,
	}
	p.Found = func(request contract.Process, level policies.Level, findings []checker.Finding) {
		logFindings(log, request, level, findings)
	}
	p.Alert = func(request contract.Process, level policies.Level, v sandbox.Violation) {
		logAlert(log, request, level, v)
	}
	p.Observe = func(request contract.Process, level policies.Level, result sandbox.Result) {
		logRun(log, request, level, result)
		logConnections(log, request, result)
		options.monitor.observe(request, level, result)
	}
	return p
}

func newWorker(c client.Client, options serviceOptions, gate *ledger.Gate, fail func(error)) sdkworker.Worker {
	scripts := options.maxScripts
	if scripts == 0 {
		scripts = 2 * runtime.NumCPU()
	}
	return sdkworker.New(c, contract.TaskQueue, sdkworker.Options{
		MaxConcurrentActivityExecutionSize: scripts + len(options.policy.watchedHosts()), // a watch never ends
		Interceptors:                       []interceptor.WorkerInterceptor{gate.Interceptor()},
		// A coroutine yields by the work it has done, which takes longer on a busy machine.
		DeadlockDetectionTimeout: 10 * time.Second,
		WorkerStopTimeout:        options.grace + reportGrace,
		// Cancellation reaches a script with the answer to a heartbeat.
		MaxHeartbeatThrottleInterval:     time.Second,
		DefaultHeartbeatThrottleInterval: time.Second,
		OnFatalError:                     fail,
	})
}

// fail ends the worker with the first error that is told.
func (s *service) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// stop takes no new work, lets scripts finish within the grace, kills the rest
// (Temporal retries them elsewhere), and disconnects.
func (s *service) stop() {
	s.ingress.close()
	s.worker.Stop()
	s.anchors.stop()
	s.close()
}

func (s *service) close() {
	if s.unwatch != nil {
		s.unwatch()
	}
	s.ledger.stop()
	if s.notifier != nil {
		s.notifier.Close()
	}
	if s.runner != nil {
		_ = s.runner.Close()
	}
	if s.calls != nil {
		s.calls.Close()
	}
	if s.machines != nil {
		_ = s.machines.Close()
	}
	if s.audit != nil {
		_ = s.audit.Close()
	}
	s.work.Close()
	s.client.Close()
}

// noSandbox refuses every run with the reason for which there is no sandbox.
type noSandbox struct{ err error }

func (n noSandbox) Run(context.Context, sandbox.Spec) (sandbox.Result, error) {
	return sandbox.Result{}, n.err
}

// logFindings writes one line a finding: alerts look for its message.
func logFindings(log zerolog.Logger, request contract.Process, level policies.Level, findings []checker.Finding) {
	for _, f := range findings {
		log.Warn().
			Str("definition", request.Task.Namespace+"/"+request.Task.Name).
			Str("task", request.Task.Reference).
			Str("execution", request.Task.Execution).
			Stringer("sandbox_level", level).
			Str("rule", f.Rule).
			Str("subject", f.Subject).
			Int("line", f.Line).
			Int("column", f.Column).
			Str("snippet", f.SnippetHash).
			Bool("refused", f.Response == policies.Refuse).
			Msg(f.Message)
	}
}

// logRun writes a line for the run, and one for each kind of violation in it (A27).
func logRun(log zerolog.Logger, request contract.Process, level policies.Level, r sandbox.Result) {
	log = about(log, request)
	for _, v := range r.Violations {
		violation(log.Warn(), v).Msg("violation")
	}
	log.Info().
		Stringer("sandbox_level", level).
		Str("outcome", string(r.Outcome)).
		Int("violations", len(r.Violations)).
		Strs("degraded", policies.Names(r.Degraded)).
		Dur("wall_ms", r.Usage.Wall).
		Msg("program ended")
}

// logAlert writes a line for a grave violation of a program that still runs.
func logAlert(log zerolog.Logger, request contract.Process, level policies.Level, v sandbox.Violation) {
	log = about(log, request)
	violation(log.Warn(), v).Stringer("sandbox_level", level).Msg("violation in a running program")
}

// about says whose program a line is about.
func about(log zerolog.Logger, request contract.Process) zerolog.Logger {
	return log.With().
		Str("definition", request.Task.Namespace+"/"+request.Task.Name).
		Str("task", request.Task.Reference).
		Str("execution", request.Task.Execution).
		Logger()
}

func violation(line *zerolog.Event, v sandbox.Violation) *zerolog.Event {
	return line.
		Str("id", v.ID).
		Str("type", string(v.Type)).
		Stringer("severity", v.Severity).
		Str("syscall", v.Syscall).
		Str("detail", v.Detail).
		Int("count", v.Count).
		Str("action", v.Action).
		Int("pid", v.PID).
		Str("command", v.Command)
}
