package app_test

import (
	"testing"

	"github.com/konec/toolkit-gateway/internal/apptest"
	"github.com/konec/toolkit-gateway/internal/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }
