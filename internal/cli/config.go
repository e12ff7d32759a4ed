package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/platform/config"
)

type configCommand struct{}

// Run lists the settings and what is probably not meant, and fails if one cannot work.
func (configCommand) Run(ctx context.Context, i invocation) error {
	c, err := config.Read(i.environment)

	for _, setting := range c.Settings() {
		fmt.Printf("%s=%s\n    %s\n", setting.Name, setting.Value, setting.Help)

		if setting.Default != "" {
			fmt.Printf("    Default: %s\n", setting.Default)
		}
	}

	for _, warning := range c.Warnings() {
		fmt.Printf("Warning: %s\n", warning)
	}

	if err == nil {
		err = check(ctx, c)
	}

	if err != nil {
		return wrong(err)
	}

	return nil
}

// check names every setting that cannot work, as serve does, without a connection to any other system.
func check(ctx context.Context, c config.Config) error {
	if err := c.Check(); err != nil {
		return err
	}

	a, err := app.New(ctx, app.Options{Config: c, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		return err
	}

	a.Close()

	return nil
}
