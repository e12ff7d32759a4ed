package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/konec/toolkit-gateway/gen/api"
)

// silent is a surface whose handlers answer nothing, or panic: the embedded interface is nil.
type silent struct {
	api.StrictServerInterface

	err error
}

func (s silent) Logout(context.Context, api.LogoutRequestObject) (api.LogoutResponseObject, error) {
	return nil, s.err
}

// F-01: the generated code sends an empty 200 for a handler that returns neither answer nor error.
func TestNoAnswerIsAFault(t *testing.T) {
	t.Parallel()

	for name, failure := range map[string]error{"nothing": nil, "an error": errors.New("broken")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			failed := 0
			fail := func(w http.ResponseWriter, _ *http.Request, _ error) {
				failed++

				w.WriteHeader(http.StatusInternalServerError)
			}
			strict := api.NewStrictHandlerWithOptions(silent{err: failure}, []api.StrictMiddlewareFunc{answered}, api.StrictHTTPServerOptions{
				RequestErrorHandlerFunc: fail, ResponseErrorHandlerFunc: fail,
			})
			w := httptest.NewRecorder()

			strict.Logout(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/auth/logout", nil))

			if w.Code != http.StatusInternalServerError || failed != 1 {
				t.Errorf("answered %d, %d failures", w.Code, failed)
			}
		})
	}
}
