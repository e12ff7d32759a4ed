package cli

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/konec/toolkit-gateway/internal/app"
)

// The commands about signing keys.
type (
	keyCommand struct {
		List   keyListCommand   `cmd:"" help:"List the signing keys and their stages."`
		Rotate keyRotateCommand `cmd:"" help:"Create a signing key, published at once and signing in ten minutes. No user is signed out."`
	}
	keyListCommand   struct{}
	keyRotateCommand struct {
		Immediately bool `help:"For a key that may have leaked: the new key signs at once and every existing access token becomes invalid; the apps refresh. Other replicas follow within a second."`
	}
)

// Run lists the signing keys.
func (keyListCommand) Run(ctx context.Context, i invocation) error {
	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		if err := a.Keys.Ensure(ctx); err != nil {
			return err
		}

		table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "KEY\tSTAGE\tCREATED\tSIGNS FROM\tVERIFIES UNTIL")

		for _, key := range a.Keys.List() {
			until := "-"
			if key.RetiresAt != nil {
				until = key.RetiresAt.UTC().Format(time.RFC3339)
			}

			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", key.ID, a.Keys.Stage(key),
				key.CreatedAt.UTC().Format(time.RFC3339), key.SignsAt.UTC().Format(time.RFC3339), until)
		}

		return table.Flush() //nolint:wrapcheck // standard output
	})
}

// Run rotates the signing key.
func (command keyRotateCommand) Run(ctx context.Context, i invocation) error {
	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		created, err := a.Keys.Rotate(ctx, command.Immediately)
		if err != nil {
			return err
		}

		fmt.Printf("created %s, which signs from %s\n", created.ID, created.SignsAt.UTC().Format(time.RFC3339))

		return nil
	})
}
