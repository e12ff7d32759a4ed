package world

import (
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/pgproxy"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// PersonEmail is the address of the account in tests that need just one.
const PersonEmail = "person@konec.com.au"

// NewProxied starts a gateway whose connections to the database a test can cut or hold.
func NewProxied(t *testing.T) (*pgproxy.Proxy, *apptest.Env) {
	t.Helper()

	proxy := pgproxy.New(t, postgrestest.New(t))

	return proxy, apptest.On(t, proxy.URL)
}
