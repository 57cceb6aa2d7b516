package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// monitor serves /metrics (Prometheus), /healthz (the process lives) and
// /readyz (Temporal answers) on one loopback address. A nil monitor observes
// nothing.
type monitor struct {
	handler  client.MetricsHandler // takes the SDK's metrics
	registry *prometheus.Registry
	runs     *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	security securityMetrics
	events   *prometheus.CounterVec
	filtered *prometheus.CounterVec
	requests *prometheus.CounterVec
	policies *prometheus.CounterVec
	held     prometheus.Gauge
	listener net.Listener
	server   *http.Server
}

// newMonitor listens at once, so that a busy address is known before anything
// starts; it serves from serve on.
func newMonitor(ctx context.Context, address string) (*monitor, error) {
	if err := loopback(metricsFlag, address, "put a proxy with TLS and authentication in front to reach it from elsewhere"); err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, unreachable(fmt.Errorf("metrics address %s: %w", address, errors.Unwrap(err)),
			"stop what listens there, or choose another with --metrics-address, or none with --metrics-address ''")
	}
	m := &monitor{registry: prometheus.NewRegistry(), listener: listener}
	m.register()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(m.registry))
	if err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("metrics: %w", err)
	}
	provider := metric.NewMeterProvider(metric.WithReader(exporter))
	m.handler = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter:                provider.Meter("temporal-sdk-go"),
		UseMonotonicCounters: true,
		OnError:              func(error) {}, // a metric that cannot be kept is no reason to stop
	})
	return m, nil
}

func (m *monitor) register() {
	m.runs = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lazaret_sandbox_runs_total",
		Help: "Programs run in a sandbox, by level and outcome.",
	}, []string{"level", "outcome"})
	m.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "lazaret_sandbox_run_seconds",
		Help:    "Wall time of programs run in a sandbox, by level.",
		Buckets: prometheus.ExponentialBuckets(0.005, 2, 16),
	}, []string{"level"})
	m.events = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lazaret_events_total",
		Help: "Events that this worker brought to the router, or rejected on receipt (lost), by what became of them and the check that rejected them.",
	}, []string{"status", "check"})
	m.filtered = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lazaret_events_filtered_total",
		Help: "Events that a filter of the rules has caught, by the filter and what it did.",
	}, []string{"filter", "action"})
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lazaret_event_requests_total",
		Help: "Requests to the event ingress, by the status they were given.",
	}, []string{"code"})
	m.security = newSecurityMetrics(m.registry)
	m.policies = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lazaret_policy_loads_total",
		Help: "Policies that came into force, and those that were refused.",
	}, []string{"outcome"})
	m.held = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "lazaret_quarantine_held",
		Help: "Definitions in quarantine, as this worker knows.",
	})
	m.registry.MustRegister(m.runs, m.seconds, m.events, m.filtered, m.requests, m.policies, m.held, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}

// helped gives the SDK's metrics a help text, which promtool wants of each: the
// SDK has none.
func helped(from prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := from.Gather()
		for _, f := range families {
			if f.GetHelp() == "" {
				f.Help = new("A metric of Temporal's Go SDK.")
			}
		}
		return families, err
	})
}

func (m *monitor) observe(_ contract.Process, level policies.Level, result sandbox.Result) {
	if m == nil {
		return
	}
	m.runs.WithLabelValues(level.String(), string(result.Outcome)).Inc()
	m.seconds.WithLabelValues(level.String()).Observe(result.Usage.Wall.Seconds())
}

// event counts what became of an event.
func (m *monitor) event(o contract.Outcome) {
	if m != nil {
		m.events.WithLabelValues(o.Status, o.Check).Inc()
		for _, note := range o.Filtered {
			m.filtered.WithLabelValues(note.Filter, note.Action).Inc()
		}
	}
}

// eventRequest counts an answer of the event ingress.
func (m *monitor) eventRequest(status int) {
	if m != nil {
		m.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	}
}

// policy counts a policy that came into force or was refused.
func (m *monitor) policy(outcome string) {
	if m != nil {
		m.policies.WithLabelValues(outcome).Inc()
	}
}

// heldNow is told how many definitions are held.
func (m *monitor) heldNow(n int) {
	if m != nil {
		m.held.Set(float64(n))
	}
}

// watchPool adds what is known of the runner's warm sandboxes.
func (m *monitor) watchPool(r *sandbox.Runner) {
	if m != nil {
		m.registry.MustRegister(poolCollector{r})
	}
}

// poolCollector reads a runner's pool when it is asked.
type poolCollector struct{ runner *sandbox.Runner }

var (
	poolRuns = prometheus.NewDesc("lazaret_sandbox_pool_runs_total",
		"Programs that could have had a warm sandbox, by whether they got one.", []string{"warm"}, nil)
	poolEnds = prometheus.NewDesc("lazaret_sandbox_pool_ends_total",
		"Warm sandboxes that served nobody, by the reason.", []string{"reason"}, nil)
	poolMade = prometheus.NewDesc("lazaret_sandbox_pool_made_total",
		"Warm sandboxes that were made, by how.", []string{"by"}, nil)
	poolZygotes = prometheus.NewDesc("lazaret_sandbox_pool_zygotes", "Zygotes that live.", nil, nil)
	poolUnfit   = prometheus.NewDesc("lazaret_sandbox_pool_zygote_failures_total", "Zygotes that could not be started or did not fork.", nil, nil)
	poolIdle    = prometheus.NewDesc("lazaret_sandbox_pool_idle", "Warm sandboxes that wait.", nil, nil)
	poolMemory  = prometheus.NewDesc("lazaret_sandbox_pool_memory_bytes", "What the waiting sandboxes took when they became ready.", nil, nil)
	poolOldest  = prometheus.NewDesc("lazaret_sandbox_pool_oldest_seconds", "Age of the oldest waiting sandbox.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c poolCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{poolRuns, poolEnds, poolMade, poolZygotes, poolUnfit, poolIdle, poolMemory, poolOldest} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c poolCollector) Collect(out chan<- prometheus.Metric) {
	s := c.runner.PoolStats()
	count := func(d *prometheus.Desc, n uint64, label string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), label)
	}
	count(poolRuns, s.Hits, "yes")
	count(poolRuns, s.Misses, "no")
	count(poolEnds, s.Expired, "expired")
	count(poolEnds, s.Broken, "broken")
	count(poolEnds, s.Failed, "failed")
	gauge := func(d *prometheus.Desc, v float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	count(poolMade, s.Started, "start")
	count(poolMade, s.Forked, "zygote")
	out <- prometheus.MustNewConstMetric(poolUnfit, prometheus.CounterValue, float64(s.Unfit))
	gauge(poolZygotes, float64(s.Zygotes))
	gauge(poolIdle, float64(s.Idle))
	gauge(poolMemory, float64(s.Memory))
	gauge(poolOldest, s.Oldest.Seconds())
}

// serve answers until close. ready reports whether Temporal answers.
func (m *monitor) serve(ready func(context.Context) error) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(helped(m.registry), promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := ready(ctx); err != nil {
			http.Error(w, "temporal does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = m.server.Serve(m.listener) }()
}

func (m *monitor) address() string { return m.listener.Addr().String() }

func (m *monitor) close() {
	if m == nil {
		return
	}
	if m.server != nil {
		_ = m.server.Close()
	}
	_ = m.listener.Close()
}
