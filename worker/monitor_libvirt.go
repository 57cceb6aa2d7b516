package worker

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lazaret.dev/lazaret/activities/virt"
)

// libvirtMetrics count the broker's operations (C25). The nil libvirtMetrics count nothing.
type libvirtMetrics struct {
	operations *prometheus.CounterVec
	denied     *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
}

// watchLibvirt makes them part of what the monitor serves.
func (m *monitor) watchLibvirt() *libvirtMetrics {
	if m == nil {
		return nil
	}
	l := &libvirtMetrics{
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lazaret_libvirt_operations_total",
			Help: "Libvirt operations carried out, by whether they succeeded.",
		}, []string{"operation", "success"}),
		denied: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lazaret_libvirt_denied_total",
			Help: "Libvirt operations denied by the policy or by libvirt's own permissions.",
		}, []string{"operation"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lazaret_libvirt_operation_duration_seconds",
			Help:    "Time that libvirt operations took, without the wait for a place among them.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
		}, []string{"operation"}),
	}
	m.registry.MustRegister(l.operations, l.denied, l.seconds)
	return l
}

func (l *libvirtMetrics) observe(operation string, took time.Duration, err *virt.Error) {
	if l == nil {
		return
	}
	l.operations.WithLabelValues(operation, strconv.FormatBool(err == nil)).Inc()
	l.seconds.WithLabelValues(operation).Observe(took.Seconds())
}

// deny counts a denial. Only names of operations become labels: the rest of a
// request is whatever its author wrote.
func (l *libvirtMetrics) deny(operation string) {
	if _, known := virt.Find(operation); l != nil && known {
		l.denied.WithLabelValues(operation).Inc()
	}
}
