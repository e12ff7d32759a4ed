package app

import (
	"math"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/logging"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// metrics are shown at /metrics of the private listener. The only labels that come from requests are the operation and the
// status, whose values the document bounds.
type metrics struct {
	registry     *prometheus.Registry
	requests     *prometheus.HistogramVec
	budgetAlarms *prometheus.CounterVec
	rivals       prometheus.Counter
}

func newMetrics(database *postgres.DB) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gateway_request_duration_seconds",
			Help:    "Duration of requests, by operation and status. The operation is empty for routes outside the document.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"operation", "status"}),
		budgetAlarms: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_budget_alarms_total",
			Help: "Times that this server spent half of a daily budget over all accounts, or the last of it, by budget.",
		}, []string{"budget"}),
		rivals: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gateway_refresh_rivals_total",
			Help: "Refresh tokens presented again after their answer was lost, which got another successor.",
		}),
	}

	pool := database.Pool()
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}

	m.registry.MustRegister(
		m.requests,
		m.budgetAlarms,
		m.rivals,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("gateway_database_connections", "Open database connections.", func() float64 { return float64(pool.Stat().TotalConns()) }),
		gauge("gateway_database_connections_used", "Database connections in use.", func() float64 { return float64(pool.Stat().AcquiredConns()) }),
		gauge("gateway_database_connections_max", "Maximum number of database connections.", func() float64 { return float64(pool.Stat().MaxConns()) }),
	)

	return m
}

// showWaiting shows how many refreshes wait for the database.
func (m *metrics) showWaiting(sessions *session.Sessions) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gateway_refreshes_waiting",
		Help: "Refreshes that wait for the database.",
	}, func() float64 { return float64(sessions.Waiting()) }))
}

// countDropped counts the log lines that were lost to a slow reader.
func (m *metrics) countDropped(out *logging.Writer) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "gateway_log_lines_dropped_total",
		Help: "Log lines dropped because they were not read fast enough.",
	}, func() float64 { return float64(out.Dropped()) }))
}

// showSealing shows whether the audit chain keeps up.
func (m *metrics) showSealing(chain *audit.Chain) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gateway_audit_unsealed_seconds",
		Help: "Age of the oldest unsealed audit event. Normal: one or two seconds.",
	}, func() float64 { return chain.Lag().Seconds() }))
}

// showCondition shows whether this server is ready, and what all replicas share: trouble with it is for an alert, not for
// a load balancer. What is not known yet is NaN.
func (m *metrics) showCondition(a *App) {
	for _, one := range []struct {
		name, help string
		value      func(c *condition) float64
	}{
		{"gateway_database_up", "Whether the database answered within a second when the server last looked, every 5 seconds.", func(c *condition) float64 { return flag(c.database == nil) }},
		{"gateway_schema_version", "Version of the database's schema.", func(c *condition) float64 { return known(c, float64(c.version)) }},
		{"gateway_schema_required", "Version of the schema that this server requires.", func(c *condition) float64 { return float64(c.required) }},
		{"gateway_clock_skew_seconds", "How far the clock of this machine is ahead of the database's.", func(c *condition) float64 { return known(c, c.skew.Seconds()) }},
	} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: one.name, Help: one.help}, func() float64 {
			if seen := a.seen.Load(); seen != nil {
				return one.value(seen)
			}

			return math.NaN()
		}))
	}

	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gateway_ready",
		Help: "Whether this server is ready: started, and not stopping.",
	}, func() float64 { return flag(a.readiness().Ready()) }))
}

func flag(on bool) float64 {
	if on {
		return 1
	}

	return 0
}

// known is a value that a database without an answer does not have.
func known(c *condition, value float64) float64 {
	if c.database != nil {
		return math.NaN()
	}

	return value
}

// countWebhooks registers the outcomes of webhook calls, and returns the function that counts one.
func (m *metrics) countWebhooks() func(webhook.Outcome) {
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_webhook_calls_total",
		Help: "Webhook calls of this server by outcome: delivered, postponed (to be retried), failed (given up), gone (status 410).",
	}, []string{"outcome"})

	for _, outcome := range webhook.Outcomes() {
		calls.WithLabelValues(string(outcome)) // shown as 0 from the start
	}

	m.registry.MustRegister(calls)

	return func(outcome webhook.Outcome) { calls.WithLabelValues(string(outcome)).Inc() }
}

// countDeliveries registers the outcomes of attempts to send messages, and returns the function that counts one.
func (m *metrics) countDeliveries() func(delivery.Channel, delivery.Outcome) {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_deliveries_total",
		Help: "Attempts of this server to send mails and text messages, by channel and outcome: sent, retried (failed, to be repeated), " +
			"refused (for good, by the other side), expired (before it could be sent), dropped (nothing to send, such as no account).",
	}, []string{"channel", "outcome"})

	for _, channel := range []delivery.Channel{delivery.Mail, delivery.SMS} {
		for _, outcome := range delivery.Outcomes() {
			attempts.WithLabelValues(string(channel), string(outcome)) // shown as 0 from the start
		}
	}

	m.registry.MustRegister(attempts)

	return func(channel delivery.Channel, outcome delivery.Outcome) {
		attempts.WithLabelValues(string(channel), string(outcome)).Inc()
	}
}

// showBacklog shows the jobs that wait, and since when.
func (m *metrics) showBacklog(b *backlog) {
	b.waiting = prometheus.NewDesc("gateway_jobs_waiting", "Jobs of all servers that are not done, by queue.", []string{"queue"}, nil)
	b.oldest = prometheus.NewDesc("gateway_jobs_oldest_seconds", "Age of the oldest job that is not done, by queue; 0 without any.", []string{"queue"}, nil)
	m.registry.MustRegister(b)
}

func (m *metrics) observe(o httpapi.Observation) {
	m.requests.WithLabelValues(o.Operation, strconv.Itoa(o.Status)).Observe(o.Duration.Seconds())
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
