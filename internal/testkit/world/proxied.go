package world

import (
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

const PersonEmail = "person@konec.com.au"

// NewProxied is a gateway whose connections to the database can be cut.
func NewProxied(t *testing.T) (*pgProxy, *apptest.Env) {
	t.Helper()

	proxy := NewPGProxy(t, postgrestest.New(t))

	return proxy, apptest.On(t, proxy.URL)
}
