package app

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/logging"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// metrics are what /metrics on the private listener shows. No label comes from a request but the
// operation and the status, which are both from the document.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	smsSpent prometheus.Counter
}

func newMetrics(database *postgres.DB) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gateway_request_duration_seconds",
			Help:    "Time to answer, by operation and status. Routes outside the document have an empty operation.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"operation", "status"}),
		smsSpent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gateway_sms_ceiling_reached_total",
			Help: "Days on which the last text message that SMS_PER_DAY allows was taken, at this server.",
		}),
	}

	pool := database.Pool()
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}

	m.registry.MustRegister(
		m.requests,
		m.smsSpent,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("gateway_database_connections", "Connections open.", func() float64 { return float64(pool.Stat().TotalConns()) }),
		gauge("gateway_database_connections_used", "Connections in use.", func() float64 { return float64(pool.Stat().AcquiredConns()) }),
		gauge("gateway_database_connections_max", "Connections at the most.", func() float64 { return float64(pool.Stat().MaxConns()) }),
	)

	return m
}

// countDropped shows the log lines that a slow reader cost.
func (m *metrics) countDropped(out *logging.Writer) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "gateway_log_lines_dropped_total",
		Help: "Log lines dropped because nobody read them fast enough.",
	}, func() float64 { return float64(out.Dropped()) }))
}

// showSealing shows whether the audit chain keeps up.
func (m *metrics) showSealing(chain *audit.Chain) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gateway_audit_unsealed_seconds",
		Help: "Age of the oldest audit event that is not sealed: a second or two where all is well.",
	}, func() float64 { return chain.Lag().Seconds() }))
}

// countWebhooks shows how calls of webhooks end, and answers what counts one.
func (m *metrics) countWebhooks() func(webhook.Outcome) {
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_webhook_calls_total",
		Help: "Calls of webhooks by this server: delivered, postponed (tried again), failed (given up), gone (answered 410).",
	}, []string{"outcome"})

	for _, outcome := range webhook.Outcomes() {
		calls.WithLabelValues(string(outcome)) // shown from the beginning
	}

	m.registry.MustRegister(calls)

	return func(outcome webhook.Outcome) { calls.WithLabelValues(string(outcome)).Inc() }
}

func (m *metrics) observe(o httpapi.Observation) {
	m.requests.WithLabelValues(o.Operation, strconv.Itoa(o.Status)).Observe(o.Duration.Seconds())
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
