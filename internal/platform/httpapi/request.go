package httpapi

import (
	"context"
	"encoding/base32"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// requestInfo is what the pipeline records of a request.
type requestInfo struct {
	origin    origin.Origin
	request   *http.Request // for its cookies
	operation *operation    // nil outside the document
	written   *recorder
}

type infoKey struct{}

func infoOf(ctx context.Context) *requestInfo {
	info, _ := ctx.Value(infoKey{}).(*requestInfo)

	return info
}

func (i *requestInfo) surface() Surface {
	if i.operation == nil {
		return Toolkit
	}

	return i.operation.surface
}

// Cookie returns the value of a cookie that the request carries exactly once. A duplicate may be planted by an
// attacker, and it is unknown which one.
func Cookie(ctx context.Context, name string) (string, bool) {
	info := infoOf(ctx)
	if info == nil {
		return "", false
	}

	if found := info.request.CookiesNamed(name); len(found) == 1 && found[0].Value != "" {
		return found[0].Value, true
	}

	return "", false
}

// SetCookie adds a cookie to the response.
func SetCookie(ctx context.Context, cookie *http.Cookie) {
	if info := infoOf(ctx); info != nil {
		http.SetCookie(info.written, cookie)
	}
}

// identify gives the request its id, and logs it at its end: the caller, the operation and the result, never the
// content. A query string may contain personal data, so only chi's pattern is logged.
func (p *Pipeline) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now() //nolint:forbidigo // measures, decides nothing
		written := &recorder{ResponseWriter: w}
		info := &requestInfo{written: written, request: r, origin: origin.Origin{
			Address:   p.proxies.client(r),
			UserAgent: origin.Printable(r.UserAgent()),
			Client:    clientOf(r.Header.Get("X-Client")),
			RequestID: p.requestID(r),
			Language:  language.Preferred(r.Header.Get("Accept-Language")),
		}}

		w.Header().Set("X-Request-Id", info.origin.RequestID)
		next.ServeHTTP(written, r.WithContext(context.WithValue(origin.With(r.Context(), info.origin), infoKey{}, info)))
		p.finished(r, info, time.Since(start))
	})
}

// clientOf returns the name in a header such as studio/2.3.1.
func clientOf(header string) string {
	name, _, _ := strings.Cut(strings.TrimSpace(header), "/")

	return origin.Printable(name)
}

func (p *Pipeline) finished(r *http.Request, info *requestInfo, took time.Duration) {
	seen := Observation{Status: info.written.status(), Duration: took}
	if info.operation != nil {
		seen.Operation = info.operation.id
	}

	p.observe(seen)

	if !p.log.Enabled(r.Context(), slog.LevelInfo) {
		return
	}

	p.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("requestId", info.origin.RequestID),
		slog.String("method", r.Method),
		slog.String("route", chi.RouteContext(r.Context()).RoutePattern()),
		slog.String("operation", seen.Operation),
		slog.Int("status", seen.Status),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("address", info.origin.Address.String()),
	)
}

// requestID keeps the id that a trusted proxy gave the request, if it has the expected form. Anyone else could imitate
// the id of another request, which the log and the audit log name.
func (p *Pipeline) requestID(r *http.Request) string {
	given := r.Header.Get("X-Request-Id")
	if len(given) >= 8 && len(given) <= 64 && isPlain(given) && p.proxies.trust(peerOf(r)) {
		return given
	}

	return base32.StdEncoding.EncodeToString(randomid.Bytes(15))
}

func isPlain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}

	return true
}

// recover turns a panic into a 500 and a log entry; the process continues.
func (p *Pipeline) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch cause := recover(); cause {
			case nil:
			case http.ErrAbortHandler:
				panic(cause) // the signal of net/http to drop a connection
			default:
				p.log.ErrorContext(r.Context(), "panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
				p.Fail(w, r, fmt.Errorf("panic: %v", cause))
			}
		}()

		next.ServeHTTP(w, r)
	})
}

// recorder records the status, and whether the response has begun.
type recorder struct {
	http.ResponseWriter

	code        int
	wroteHeader bool
}

func (w *recorder) WriteHeader(code int) {
	if !w.wroteHeader && code >= http.StatusOK {
		w.code, w.wroteHeader = code, true
	}

	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(b []byte) (int, error) {
	if !w.wroteHeader {
		w.code, w.wroteHeader = http.StatusOK, true
	}

	return w.ResponseWriter.Write(b) //nolint:wrapcheck // we are the writer
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) status() int {
	if !w.wroteHeader {
		return http.StatusOK // what net/http sends for a handler that wrote nothing
	}

	return w.code
}
