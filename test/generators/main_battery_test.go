//go:build battery

package generators_test

import (
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }
