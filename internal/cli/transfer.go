package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/transfer"
	"github.com/konec/toolkit-gateway/internal/platform/caller"
)

// errRefusedLines says that an import came to its end, and that some lines are not in.
var errRefusedLines = errors.New("not every line is in")

// shownRemarks is how many are shown where no file was asked for.
const shownRemarks = 20

// The commands that bring accounts in from files and write them out.
type (
	accountImportCommand struct {
		File         string `arg:"" help:"The file; - for standard input, which cannot be gone on with after a break."`
		Format       string `default:"auto" enum:"auto,gateway,public,json,csv" help:"gateway or public: mongoexport of the services before; json or csv: as account export writes. auto goes by the first line."`
		Group        string `default:"None" help:"The member group of accounts that the file names none for: ${default} by default."`
		CreateGroups bool   `help:"Make member groups that are missing, without rights. Without this their accounts are refused."`
		DryRun       bool   `help:"Do everything but write."`
		Report       string `placeholder:"FILE" help:"Write every line that is refused to a file, as JSON lines. Without this the first 20 are shown."`
	}
	accountExportCommand struct {
		File        string `arg:"" default:"-" help:"The file, which only you may read then; standard output by default."`
		Format      string `default:"json" enum:"json,csv" help:"json: an object a line; or csv."`
		TOTPSecrets bool   `name:"totp-secrets" help:"With the secrets of authenticator apps: whoever reads the file can sign in with them."`
	}
)

// Help is shown below the summary.
func (accountImportCommand) Help() string {
	return "A line that cannot be imported is reported with its number, the field and the reason, and the others go on. " +
		"What is in is committed as it goes: after a break the same command goes on behind it, and nobody is in twice.\n\n" +
		"Exit code 0: every line is in. 2: some were refused. 1: it failed on the way."
}

// Run imports.
func (command accountImportCommand) Run(ctx context.Context, i invocation) error {
	input, closeInput, err := openAccounts(command.File)
	if err != nil {
		return err
	}
	defer closeInput()

	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		shown, meter := int64(0), newMeter(os.Stderr)

		done, err := a.Transfers.Import(ctx, i.by, input, transfer.Options{
			Format: transfer.Format(command.Format), Group: command.Group, CreateGroups: command.CreateGroups,
			DryRun: command.DryRun, Report: command.Report,
			Progress: meter.imported,
			Remark: func(remark transfer.Remark) {
				if shown++; command.Report == "" && shown <= shownRemarks {
					meter.say("%s", remark)
				}
			},
		})
		meter.end()

		if command.Report == "" && shown > shownRemarks {
			meter.say("and %d more lines like these; --report FILE has them all", shown-shownRemarks)
		}

		if err != nil {
			return goingOn(err, input, command.DryRun)
		}

		verb := "imported"
		if command.DryRun {
			verb = "would import"
		}

		fmt.Printf("%s %d, there already %d, refused %d\n", verb, done.Imported, done.Present, done.Refused)

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

// Run exports. A file is there when it is whole, and only its owner may read it.
func (command accountExportCommand) Run(ctx context.Context, i invocation) error {
	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		if command.File == "-" {
			_, err := command.export(ctx, a, i.by, os.Stdout)

			return err
		}

		part, err := os.CreateTemp(filepath.Dir(command.File), filepath.Base(command.File)+".part-*") // nobody else may read it
		if err != nil {
			return err
		}
		defer os.Remove(part.Name()) //nolint:errcheck // it is gone where all went well

		count, err := command.export(ctx, a, i.by, part)
		if err := errors.Join(err, part.Sync(), part.Close()); err != nil {
			return err
		}

		if err := os.Rename(part.Name(), command.File); err != nil {
			return err
		}

		fmt.Printf("exported %d\n", count)

		return nil
	})
}

func (command accountExportCommand) export(ctx context.Context, a *app.App, by caller.Caller, to *os.File) (int64, error) {
	meter := newMeter(os.Stderr)
	defer meter.end()

	return a.Transfers.Export(ctx, by, to, transfer.Extract{
		Format: transfer.Format(command.Format), TOTPSecrets: command.TOTPSecrets, Progress: meter.exported,
	})
}
