package app_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/app"
)

// The greeting names the address of the API. The private one shows metrics and profiles.
func TestServeGreetsWithThePublicAddress(t *testing.T) {
	t.Parallel()

	c := withPlaces(t)
	c.Private = "127.0.0.1:0"

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	greeted := false

	// The database is away, which may make the end an error.
	_ = app.Serve(ctx, c, func(address string) {
		defer cancel()

		greeted = true

		response, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			t.Error(err)

			return
		}

		response.Body.Close()

		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s shows the metrics: %d", address, response.StatusCode)
		}
	})

	if !greeted {
		t.Error("no greeting")
	}
}
