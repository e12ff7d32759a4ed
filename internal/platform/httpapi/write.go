package httpapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// statuses is the one map from a problem to an HTTP status. The surfaces differ where the contract requires it.
var statuses = map[Surface]map[problem.Kind]int{
	Toolkit: statusesWith(http.StatusUnauthorized, http.StatusTooManyRequests),
	Public:  statusesWith(http.StatusBadRequest, http.StatusBadRequest),
	Admin:   statusesWith(http.StatusUnauthorized, http.StatusTooManyRequests),
}

func statusesWith(refused, limited int) map[problem.Kind]int {
	return map[problem.Kind]int{
		problem.Internal:         http.StatusInternalServerError,
		problem.Invalid:          http.StatusBadRequest,
		problem.Refused:          refused,
		problem.Unauthenticated:  http.StatusUnauthorized,
		problem.Limited:          limited,
		problem.Forbidden:        http.StatusForbidden,
		problem.NotFound:         http.StatusNotFound,
		problem.MethodNotAllowed: http.StatusMethodNotAllowed,
		problem.NotAcceptable:    http.StatusNotAcceptable,
		problem.TooLarge:         http.StatusRequestEntityTooLarge,
		problem.UnsupportedMedia: http.StatusUnsupportedMediaType,
		problem.Conflict:         http.StatusConflict,
		problem.Outdated:         http.StatusPreconditionFailed,
		problem.Mismatched:       http.StatusUnprocessableEntity,
		problem.Unavailable:      http.StatusServiceUnavailable,
	}
}

// errorBody is the document's ErrorBody.
type errorBody struct {
	Success   bool         `json:"success"`
	Code      string       `json:"code"`
	Message   string       `json:"message"`
	RequestID string       `json:"requestId"`
	Errors    []fieldError `json:"errors,omitempty"`
	Methods   []string     `json:"methods,omitempty"`
}

type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Fail writes an error: of the validator, of parameter binding, of a handler, of a missing handler, or a panic's. The
// caller receives only a *problem.Problem; any other error is a fault of the server, and is logged.
func (p *Pipeline) Fail(w http.ResponseWriter, r *http.Request, err error) {
	told, ok := errors.AsType[*problem.Problem](err)
	if !ok {
		told = problem.ErrInternal
	}

	info := infoOf(r.Context())
	status := statuses[info.surface()][told.Kind]

	if status >= http.StatusInternalServerError {
		level := slog.LevelError
		if told.Kind == problem.Unavailable {
			level = slog.LevelWarn
		}

		p.log.Log(r.Context(), level, "request failed", "requestId", info.origin.RequestID, "code", told.Code, "error", err.Error())
	}

	if info.written.wroteHeader {
		return // the response has begun; there is no second one
	}

	hold(r.Context(), told)
	blur(r.Context(), told)

	header := w.Header()
	if status == http.StatusUnauthorized && header.Get("WWW-Authenticate") == "" {
		header.Set("WWW-Authenticate", challenge(info.surface()))
	}

	if status == http.StatusRequestEntityTooLarge {
		header.Set("Connection", "close") // the rest of the body is not read
	}

	if told.RetryAfter > 0 {
		header.Set("Retry-After", retryAfter(told.RetryAfter))
	}

	writeJSON(w, status, problemBody(told, info))
}

func problemBody(told *problem.Problem, info *requestInfo) errorBody {
	b := errorBody{
		Code:      told.Code,
		Message:   told.Message(info.origin.Language),
		RequestID: info.origin.RequestID,
		Methods:   told.Methods,
	}

	for _, field := range told.Fields {
		b.Errors = append(b.Errors, fieldError{Field: field.Name, Message: field.Message.In(info.origin.Language)})
	}

	return b
}

// retryAfter rounds up to whole seconds, so that the wait is always long enough.
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	var text strings.Builder

	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)

	if err := encoder.Encode(value); err != nil {
		panic(err) // only for a type that JSON cannot encode
	}

	w.Header().Set("Content-Type", contentJSON)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text.String())) // the client has disconnected
}
