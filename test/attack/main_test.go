//go:build battery

package attack_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// attacked is the path of the program that the tests attack. TestMain sets it.
var attacked string

// TestMain migrates the template of the databases with the attacked program: another version has other tables.
func TestMain(m *testing.M) {
	attacked = os.Getenv("GATEWAY")
	if attacked == "" {
		var err error
		if attacked, err = filepath.Abs("../../bin/attacked-gateway"); err != nil {
			panic(err)
		}

		build := exec.Command("go", "build", "-o", attacked, "github.com/konec/toolkit-gateway")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr

		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build the gateway:", err)
			os.Exit(1)
		}
	}

	postgrestest.Main(m, func(ctx context.Context, url string) error {
		migrate := exec.CommandContext(ctx, attacked, "migrate")
		migrate.Env = []string{"DATABASE_URL=" + url}

		if out, err := migrate.CombinedOutput(); err != nil {
			return fmt.Errorf("migrate: %w: %s", err, out)
		}

		return nil
	})
}
