package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/transfer"
	"github.com/konec/toolkit-gateway/internal/platform/caller"
	"github.com/konec/toolkit-gateway/internal/platform/config"
)

// errRefusedLines says that an import came to its end, and that some lines are not in.
var errRefusedLines = errors.New("not every line is in")

// shownRemarks is how many are shown where no file was asked for.
const shownRemarks = 20

// accountFile is what importAccounts is given.
type accountFile struct {
	Path         string // - for standard input
	Format       string
	Group        string
	CreateGroups bool
	DryRun       bool
	Report       string
}

// importAccounts brings the accounts of a file in, tells on out how it went and on told how far it is.
func importAccounts(ctx context.Context, c config.Config, f accountFile, out io.Writer, told *os.File) error {
	input, closeInput, err := openAccounts(f.Path)
	if err != nil {
		return err
	}
	defer closeInput()

	return app.Operate(ctx, c, func(ctx context.Context, a *app.App) error {
		shown, meter := int64(0), newMeter(told)

		done, err := a.Transfers.Import(ctx, caller.Command("account import"), input, transfer.Options{
			Format: transfer.Format(f.Format), Group: f.Group, CreateGroups: f.CreateGroups, DryRun: f.DryRun, Report: f.Report,
			Progress: meter.imported,
			Remark: func(remark transfer.Remark) {
				if shown++; f.Report == "" && shown <= shownRemarks {
					meter.say("%s", remark)
				}
			},
		})
		meter.end()

		if f.Report == "" && shown > shownRemarks {
			meter.say("and %d more lines like these; --report FILE has them all", shown-shownRemarks)
		}

		if err != nil {
			return goingOn(err, input, f.DryRun)
		}

		verb := "imported"
		if f.DryRun {
			verb = "would import"
		}

		fmt.Fprintf(out, "%s %d, there already %d, refused %d\n", verb, done.Imported, done.Present, done.Refused)

		if done.Refused > 0 {
			return errRefusedLines
		}

		return nil
	})
}

// goingOn adds what to do about an import that failed in the middle.
func goingOn(err error, input transfer.Input, dry bool) error {
	switch {
	case dry || errors.Is(err, transfer.ErrFormat) || errors.Is(err, transfer.ErrOvertaken):
		return err
	case input.Size == 0:
		return fmt.Errorf("%w\nwhat was said to be imported is in; standard input cannot be gone on with, so give a file, and what is there counts as such", err)
	default:
		return fmt.Errorf("%w\nwhat was said to be imported is in; the same command goes on behind it", err)
	}
}

// openAccounts opens a file, or standard input.
func openAccounts(path string) (transfer.Input, func(), error) {
	if path == "-" {
		return transfer.Input{Name: "standard input", From: os.Stdin}, func() {}, nil
	}

	file, err := os.Open(path) //nolint:gosec // the operator says which
	if err != nil {
		return transfer.Input{}, nil, err
	}

	input := transfer.Input{Name: filepath.Base(path), From: file}

	// A pipe has no size, and no beginning to go back to.
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder", path)
	}

	if err != nil {
		return transfer.Input{}, nil, errors.Join(err, file.Close())
	}

	if info.Mode().IsRegular() {
		input.Size = info.Size()
	}

	return input, func() { file.Close() }, nil
}

// exportAccounts writes every account to a file that only its owner may read, or to out where path is -. The file is
// there when it is whole.
func exportAccounts(ctx context.Context, c config.Config, path, format string, totpSecrets bool, out io.Writer, told *os.File) error {
	return app.Operate(ctx, c, func(ctx context.Context, a *app.App) error {
		meter := newMeter(told)
		extract := transfer.Extract{Format: transfer.Format(format), TOTPSecrets: totpSecrets, Progress: meter.exported}
		by := caller.Command("account export")

		if path == "-" {
			_, err := a.Transfers.Export(ctx, by, out, extract)
			meter.end()

			return err
		}

		part, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*") // nobody else may read it
		if err != nil {
			return err
		}
		defer os.Remove(part.Name()) //nolint:errcheck // it is gone where all went well

		count, err := a.Transfers.Export(ctx, by, part, extract)
		meter.end()

		if err := errors.Join(err, part.Sync(), part.Close()); err != nil {
			return err
		}

		if err := os.Rename(part.Name(), path); err != nil {
			return err
		}

		_, err = fmt.Fprintf(out, "exported %d\n", count)

		return err
	})
}
