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

// stage is a gateway as browsers meet it: behind a proxy that ends TLS, beside a console, a neighbour under
// the same domain, and a stranger.
type stage struct {
	*apptest.Env

	front     *httptest.Server // all hosts
	requests  *http.ServeMux   // what the scripts ask of the test
	backstage *httptest.Server // where they ask it

	mu       sync.Mutex
	passages []passage
	visits   []visit
	old      bool
}

// passage is a request that the gateway answered.
type passage struct {
	method, path             string
	origin, site, mode, dest string // what the browser said of it
	asks                     string // the method of a preflight
	old                      bool   // and the gateway heard nothing of it
	referrer                 string
	status                   int
	header                   http.Header // of the answer
}

// visit is a request that came to the stranger.
type visit struct{ path, referrer, cookies string }

// newStage opens the house before the gateway, which has to know its own address.
func newStage(t *testing.T, change ...func(*stage, *apptest.Settings)) *stage {
	t.Helper()

	s := &stage{}
	hosts := map[string]http.Handler{
		gatewayHost: nil, consoleHost: pages(), neighbourHost: stranger(nil), evilHost: stranger(s.visited),
	}

	s.front = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.Host)
		if handler := hosts[host]; handler != nil {
			handler.ServeHTTP(w, r)
		} else {
			http.NotFound(w, r)
		}
	}))
	s.front.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // browsers hang up as they like
	s.front.EnableHTTP2 = true
	s.front.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}

	s.Env = apptest.New(t, func(c *apptest.Settings) {
		c.PublicURL, c.ConsoleURL = s.at(gatewayHost), s.at(gatewayHost)+"/small/console.html"
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

		for _, one := range change {
			one(s, c)
		}
	})

	hosts[gatewayHost] = s.gateway(t)
	s.requests = s.services()
	s.backstage = httptest.NewServer(s.requests)
	s.front.StartTLS()
	t.Cleanup(s.front.Close)
	t.Cleanup(s.backstage.Close)

	return s
}

// sisterConsole is for a console on a host beside the gateway's.
func sisterConsole(s *stage, c *apptest.Settings) {
	c.Origins, c.XSRFCookieDomain, c.ConsoleURL = []string{s.at(consoleHost)}, "app.test", s.at(consoleHost)+"/console.html"
}

// at is the origin of a host.
func (s *stage) at(host string) string {
	return "https://" + net.JoinHostPort(host, strconv.Itoa(s.front.Listener.Addr().(*net.TCPAddr).Port))
}

// pages are those of test/browser/scripts.
func pages() http.Handler {
	files := http.FileServer(http.Dir(scripts))

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		files.ServeHTTP(w, r)
	})
}

// stranger is a site of somebody who means ill: the pages, a redirect to anywhere, and cookies of any form.
func stranger(visited func(*http.Request)) http.Handler {
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

func (s *stage) visited(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.visits = append(s.visits, visit{r.URL.RequestURI(), r.Referer(), r.Header.Get("Cookie")})
}

// gateway is the proxy, with a small console on the gateway's own origin.
func (s *stage) gateway(t *testing.T) http.Handler {
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

			if s.isOld() {
				for _, name := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
					r.Out.Header.Del(name)
				}
			}
		},
	}

	mux := http.NewServeMux()
	mux.Handle("/small/", http.StripPrefix("/small", pages()))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer, old := &observed{ResponseWriter: w}, s.isOld()
		proxy.ServeHTTP(answer, r)

		s.mu.Lock()
		defer s.mu.Unlock()

		said := r.Header.Get
		s.passages = append(s.passages, passage{
			r.Method, r.URL.Path, said("Origin"), said("Sec-Fetch-Site"), said("Sec-Fetch-Mode") + said("Upgrade"), said("Sec-Fetch-Dest"),
			said("Access-Control-Request-Method"), old, r.Referer(), answer.status, w.Header().Clone(),
		})
	})

	return mux
}

// observed remembers the status.
type observed struct {
	http.ResponseWriter

	status int
}

func (o *observed) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

// isOld says that browsers now are of before Sec-Fetch-Site and Origin.
func (s *stage) isOld() bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.old
}

// Only the test can do this for the scripts.
func (s *stage) services() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/inbox", s.Inbox)
	mux.HandleFunc("/advance", func(w http.ResponseWriter, r *http.Request) {
		seconds, _ := strconv.Atoi(r.FormValue("seconds"))
		s.Clock.Advance(time.Duration(seconds) * time.Second)
		tell(w, map[string]any{"now": s.Clock.Now().Unix()})
	})
	mux.HandleFunc("/old", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()

		s.old = r.FormValue("is") == "true"
		tell(w, s.old)
	})

	return mux
}

func tell(w http.ResponseWriter, answer any) {
	_ = json.NewEncoder(w).Encode(answer) // the script misses it
}
