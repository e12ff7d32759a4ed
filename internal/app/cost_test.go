package app_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/app"
)

// R-A6: outside tests no one sets the cost. The gateways of other tests set one, and would not notice a weak default.
func TestDefaultHashCostIsStandard(t *testing.T) {
	t.Parallel()

	a, err := app.New(t.Context(), app.Options{Config: withPlaces(t), Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()

	hash, err := a.Hasher.Hash(t.Context(), "a password")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("%.40s, %v", hash, err)
	}
}
