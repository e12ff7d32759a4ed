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

// The hosts of a browserSite. Its browsers resolve all of them to this machine, and no others.
const (
	gatewayHost   = "gateway.app.test"
	consoleHost   = "console.app.test" // on the same site as the gateway: what CORS_ORIGINS and XSRF_COOKIE_DOMAIN are for
	neighbourHost = "sub.app.test"     // on the same site too, and not ours
	attackerHost  = "evil.test"
)

const scripts = "scripts"

// browserSite is a gateway as browsers reach it: behind a proxy that terminates TLS, with a console, a neighbour under
// the same domain, and an attacker's site.
type browserSite struct {
	*apptest.Env

	tlsServer    *httptest.Server // serves all hosts
	scriptMux    *http.ServeMux   // what the scripts request of the test
	scriptServer *httptest.Server // where they request it

	mu               sync.Mutex
	gatewayRequests  []gatewayRequest
	attackerRequests []attackerRequest
	oldBrowsers      bool
}

// gatewayRequest is a request to which the gateway responded.
type gatewayRequest struct {
	method, path             string
	origin, site, mode, dest string // what the browser reported
	preflightMethod          string // the method that a preflight asks for
	fromOldBrowser           bool   // the proxy removed what the browser reported
	referrer                 string
	status                   int
	header                   http.Header // of the response
}

// attackerRequest is a request that reached the attacker's site.
type attackerRequest struct{ path, referrer, cookies string }

// newBrowserSite starts the hosts and then the gateway, which has to know its own address.
func newBrowserSite(t *testing.T, change ...func(*browserSite, *apptest.Settings)) *browserSite {
	t.Helper()

	s := &browserSite{}
	hosts := map[string]http.Handler{
		gatewayHost: nil, consoleHost: pages(), neighbourHost: attackerSite(nil), attackerHost: attackerSite(s.recordAttackerRequest),
	}

	s.tlsServer = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.Host)
		if handler := hosts[host]; handler != nil {
			handler.ServeHTTP(w, r)
		} else {
			http.NotFound(w, r)
		}
	}))
	s.tlsServer.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // browsers close connections at any time
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

// siblingConsole configures a console on a host beside the gateway's.
func siblingConsole(s *browserSite, c *apptest.Settings) {
	c.Origins, c.XSRFCookieDomain, c.ConsoleURL = []string{s.origin(consoleHost)}, "app.test", s.origin(consoleHost)+"/console.html"
}

// origin returns the origin of a host.
func (s *browserSite) origin(host string) string {
	return "https://" + net.JoinHostPort(host, strconv.Itoa(s.tlsServer.Listener.Addr().(*net.TCPAddr).Port))
}

// pages serves the files of test/browser/scripts.
func pages() http.Handler {
	files := http.FileServer(http.Dir(scripts))

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		files.ServeHTTP(w, r)
	})
}

// attackerSite serves the pages of an attacker, a redirect to anywhere, and cookies of any form.
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

// proxyToGateway returns the proxy, with a small console on the gateway's own origin.
func (s *browserSite) proxyToGateway(t *testing.T) http.Handler {
	t.Helper()

	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}

	proxy := &httputil.ReverseProxy{
		// Usually the browser has closed the connection. Then there is no response to check.
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
		response, old := &statusRecorder{ResponseWriter: w}, s.hasOldBrowsers()
		proxy.ServeHTTP(response, r)

		s.mu.Lock()
		defer s.mu.Unlock()

		header := r.Header.Get
		s.gatewayRequests = append(s.gatewayRequests, gatewayRequest{
			r.Method, r.URL.Path, header("Origin"), header("Sec-Fetch-Site"), header("Sec-Fetch-Mode") + header("Upgrade"), header("Sec-Fetch-Dest"),
			header("Access-Control-Request-Method"), old, r.Referer(), response.status, w.Header().Clone(),
		})
	})

	return mux
}

// statusRecorder records the status.
type statusRecorder struct {
	http.ResponseWriter

	status int
}

func (o *statusRecorder) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

// hasOldBrowsers reports whether browsers currently act as those without Sec-Fetch-Site and Origin.
func (s *browserSite) hasOldBrowsers() bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.oldBrowsers
}

// scriptServices serves what only the test can do for the scripts.
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

func writeJSON(w http.ResponseWriter, response any) {
	_ = json.NewEncoder(w).Encode(response) // the script reports a missing response
}
