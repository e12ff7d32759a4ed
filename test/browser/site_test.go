package browser_test

import (
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// The hosts of a stage. Its browsers find them all on this machine, and no others.
const (
	gatewayHost   = "gateway.app.test"
	consoleHost   = "console.app.test" // of the same site: what CORS_ORIGINS and XSRF_COOKIE_DOMAIN are for
	neighbourHost = "sub.app.test"     // of the same site too, and not ours
	evilHost      = "evil.test"
)

const scripts = "scripts"

// browserSite is a gateway as browsers meet it: behind a proxy that ends TLS, beside a console, a neighbour under
// the same domain, and a stranger.
type browserSite struct {
	*apptest.Env

	tlsServer    *httptest.Server // all hosts
	scriptMux    *http.ServeMux   // what the scripts ask of the test
	scriptServer *httptest.Server // where they ask it

	mu               sync.Mutex
	gatewayRequests  []gatewayRequest
	attackerRequests []attackerRequest
	oldBrowsers      bool
}

// gatewayRequest is a request that the gateway answered.
type gatewayRequest struct {
	method, path             string
	origin, site, mode, dest string // what the browser said of it
	preflightMethod          string // the method of a preflight
	fromOldBrowser           bool   // and the gateway heard nothing of it
	referrer                 string
	status                   int
	header                   http.Header // of the answer
}

// attackerRequest is a request that came to the stranger.
type attackerRequest struct{ path, referrer, cookies string }

// newBrowserSite opens the house before the gateway, which has to know its own address.
func newBrowserSite(t *testing.T, change ...func(*browserSite, *apptest.Settings)) *browserSite {
	t.Helper()

	s := &browserSite{}
	hosts := map[string]http.Handler{
		gatewayHost: nil, consoleHost: pages(), neighbourHost: attackerSite(nil), evilHost: attackerSite(s.recordAttackerRequest),
	}

	s.tlsServer = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.Host)
		if handler := hosts[host]; handler != nil {
			handler.ServeHTTP(w, r)
		} else {
			http.NotFound(w, r)
		}
	}))
	s.tlsServer.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // browsers hang up as they like
	s.tlsServer.EnableHTTP2 = true
	s.tlsServer.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}

	s.Env = apptest.New(t, func(c *apptest.Settings) {
		c.PublicURL, c.ConsoleURL = s.origin(gatewayHost), s.origin(gatewayHost)+"/small/console.html"
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

		for _, one := range change {
			one(s, c)
		}
	})

	hosts[gatewayHost] = s.proxyToGateway(t)
	s.scriptMux = s.scriptServices()
	s.scriptServer = httptest.NewServer(s.scriptMux)
	s.tlsServer.StartTLS()
	t.Cleanup(s.tlsServer.Close)
	t.Cleanup(s.scriptServer.Close)

	return s
}

// siblingConsole is for a console on a host beside the gateway's.
func siblingConsole(s *browserSite, c *apptest.Settings) {
	c.Origins, c.XSRFCookieDomain, c.ConsoleURL = []string{s.origin(consoleHost)}, "app.test", s.origin(consoleHost)+"/console.html"
}

// origin is the origin of a host.
func (s *browserSite) origin(host string) string {
	return "https://" + net.JoinHostPort(host, strconv.Itoa(s.tlsServer.Listener.Addr().(*net.TCPAddr).Port))
}

// pages are those of test/browser/scripts.
func pages() http.Handler {
	files := http.FileServer(http.Dir(scripts))

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		files.ServeHTTP(w, r)
	})
}

// attackerSite is a site of somebody who means ill: the pages, a redirect to anywhere, and cookies of any form.
func attackerSite(visited func(*http.Request)) http.Handler {
	files := pages()

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if visited != nil {
			visited(r)
		}

		switch r.URL.Path {
		case "/redirect":
			w.Header().Set("Location", r.FormValue("to"))
			w.WriteHeader(http.StatusFound)
		case "/toss":
			w.Header()["Set-Cookie"] = r.URL.Query()["cookie"]
			w.WriteHeader(http.StatusOK)
		default:
			files.ServeHTTP(w, r)
		}
	})
}

func (s *browserSite) recordAttackerRequest(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.attackerRequests = append(s.attackerRequests, attackerRequest{r.URL.RequestURI(), r.Referer(), r.Header.Get("Cookie")})
}

// proxyToGateway is the proxy, with a small console on the gateway's own origin.
func (s *browserSite) proxyToGateway(t *testing.T) http.Handler {
	t.Helper()

	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}

	proxy := &httputil.ReverseProxy{
		// Most often the browser has hung up. Nothing is answered then, and there is nothing to look at.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
			r.Out.Host = r.In.Host

			if s.hasOldBrowsers() {
				for _, name := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
					r.Out.Header.Del(name)
				}
			}
		},
	}

	mux := http.NewServeMux()
	mux.Handle("/small/", http.StripPrefix("/small", pages()))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer, old := &statusRecorder{ResponseWriter: w}, s.hasOldBrowsers()
		proxy.ServeHTTP(answer, r)

		s.mu.Lock()
		defer s.mu.Unlock()

		said := r.Header.Get
		s.gatewayRequests = append(s.gatewayRequests, gatewayRequest{
			r.Method, r.URL.Path, said("Origin"), said("Sec-Fetch-Site"), said("Sec-Fetch-Mode") + said("Upgrade"), said("Sec-Fetch-Dest"),
			said("Access-Control-Request-Method"), old, r.Referer(), answer.status, w.Header().Clone(),
		})
	})

	return mux
}

// statusRecorder remembers the status.
type statusRecorder struct {
	http.ResponseWriter

	status int
}

func (o *statusRecorder) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

// hasOldBrowsers says that browsers now are of before Sec-Fetch-Site and Origin.
func (s *browserSite) hasOldBrowsers() bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.oldBrowsers
}

// Only the test can do this for the scripts.
func (s *browserSite) scriptServices() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/inbox", s.Inbox)
	mux.HandleFunc("/advance", func(w http.ResponseWriter, r *http.Request) {
		seconds, _ := strconv.Atoi(r.FormValue("seconds"))
		s.Clock.Advance(time.Duration(seconds) * time.Second)
		writeJSON(w, map[string]any{"now": s.Clock.Now().Unix()})
	})
	mux.HandleFunc("/old", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()

		s.oldBrowsers = r.FormValue("is") == "true"
		writeJSON(w, s.oldBrowsers)
	})

	return mux
}

func writeJSON(w http.ResponseWriter, answer any) {
	_ = json.NewEncoder(w).Encode(answer) // the script misses it
}
