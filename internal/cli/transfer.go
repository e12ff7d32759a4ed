package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/transfer"
)

// errRefusedLines is the result of an import that reached the end of its file and refused some records.
var errRefusedLines = errors.New("some lines were refused")

// shownRemarks is the number of refused lines that are shown without --report.
const shownRemarks = 20

// The commands that import accounts from files and export them.
type (
	accountImportCommand struct {
		File         string `arg:"" help:"The file to import. - reads standard input, which cannot be resumed."`
		Format       string `default:"auto" enum:"auto,gateway,public,firebase,auth0,keycloak,json,csv" help:"Format of the file. gateway, public: mongoexport of the earlier services; firebase, auth0, keycloak: exports of these systems, as JSON; json, csv: the output of account export; auto: detected from the beginning of the file."`
		Group        string `default:"None" help:"Member group of accounts for which the file names none. Default: ${default}."`
		CreateGroups bool   `help:"Create missing member groups, without rights. Otherwise their accounts are refused."`
		DryRun       bool   `help:"Do everything except writing."`
		Report       string `placeholder:"FILE" help:"Write a line of JSON for every refused record to FILE: its line, its address or id, the field and the reason. Otherwise the first 20 are shown."`

		FirebaseHashConfig string `placeholder:"FILE" help:"Password hash parameters of the Firebase project, as its console shows them (hash_config). Firebase's hashes cannot be imported without them."`
		WithoutPasswords   bool   `help:"Import no password hashes. Users set a password with a code from the mail."`
		TrustUnverified    bool   `help:"Firebase, Auth0, Keycloak: import passwords, phones and authenticator apps of accounts whose address was never confirmed, too."`
	}
	accountExportCommand struct {
		File        string `arg:"" default:"-" help:"The file to write, readable by its owner only. Default: standard output."`
		Format      string `default:"json" enum:"json,csv" help:"Format of the file. json: one object per line; csv."`
		TOTPSecrets bool   `name:"totp-secrets" help:"Include the secrets of authenticator apps. Everyone who can read the file can sign in with them."`
	}
)

// Help returns what is shown below the summary.
func (accountImportCommand) Help() string {
	return "A record that cannot be imported is reported with its line, the field and the reason; the import continues. " +
		"JSON may be an object per line, an array (mongoexport --jsonArray), or pretty-printed. " +
		"Accounts are committed in batches. After an interruption the same command resumes, and imports no account twice.\n\n" +
		"Exit code 0: every record was imported. 2: some were refused. 1: the import failed."
}

// Run imports accounts.
func (command accountImportCommand) Run(ctx context.Context, i invocation) error {
	input, closeInput, err := openInput(command.File)
	if err != nil {
		return err
	}
	defer closeInput()

	firebase, err := command.firebase()
	if err != nil {
		return err
	}

	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		shown, progress := int64(0), newProgress(os.Stderr)

		done, err := a.Transfers.Import(ctx, input, transfer.Options{
			Format: transfer.Format(command.Format), Group: command.Group, CreateGroups: command.CreateGroups,
			DryRun: command.DryRun, Report: command.Report,
			Firebase: firebase, WithoutPasswords: command.WithoutPasswords, TrustUnverified: command.TrustUnverified,
			Progress: progress.imported,
			Remark: func(remark transfer.Remark) {
				if shown++; command.Report == "" && shown <= shownRemarks {
					progress.print("%s", remark)
				}
			},
		})
		progress.clear()

		if command.Report == "" && shown > shownRemarks {
			progress.print("and %d more; --report FILE lists all", shown-shownRemarks)
		}

		if err != nil {
			return withRemedy(err, input, command.DryRun)
		}

		verb := "imported"
		if command.DryRun {
			verb = "would import"
		}

		fmt.Printf("%s %d, already present %d, refused %d\n", verb, done.Imported, done.Present, done.Refused)

		if command.Report != "" {
			fmt.Printf("report: %s\n", command.Report)
		}

		if done.Refused > 0 {
			return errRefusedLines
		}

		return nil
	})
}

// firebase reads the hash parameters; nil for none.
func (command accountImportCommand) firebase() (*password.FirebaseConfig, error) {
	if command.FirebaseHashConfig == "" {
		return nil, nil //nolint:nilnil // none are needed
	}

	text, err := os.ReadFile(command.FirebaseHashConfig)
	if err != nil {
		return nil, err
	}

	config, err := password.ParseFirebaseConfig(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command.FirebaseHashConfig, err)
	}

	return config, nil
}

// withRemedy adds to the failure of an import how to resume it.
func withRemedy(err error, input transfer.Input, dry bool) error {
	switch {
	case dry || errors.Is(err, transfer.ErrFormat) || errors.Is(err, transfer.ErrOvertaken):
		return err
	case input.Size == 0:
		return fmt.Errorf("%w\nwhat was reported as imported is committed; standard input cannot be resumed: import from a file, in which these accounts count as already present", err)
	default:
		return fmt.Errorf("%w\nwhat was reported as imported is committed; run the same command to resume", err)
	}
}

// openInput opens a file, or standard input.
func openInput(path string) (transfer.Input, func(), error) {
	if path == "-" {
		return transfer.Input{Name: "standard input", From: os.Stdin}, func() {}, nil
	}

	file, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return transfer.Input{}, nil, err
	}

	input := transfer.Input{Name: filepath.Base(path), From: file}

	// A pipe has no size, and cannot be read from its beginning again.
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

// Run exports every account. The file appears when it is complete, and only its owner can read it.
func (command accountExportCommand) Run(ctx context.Context, i invocation) error {
	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		if command.File == "-" {
			_, err := command.export(ctx, a, os.Stdout)

			return err
		}

		part, err := os.CreateTemp(filepath.Dir(command.File), filepath.Base(command.File)+".part-*") // readable by its owner only
		if err != nil {
			return err
		}
		defer os.Remove(part.Name()) //nolint:errcheck // after success it has another name

		count, err := command.export(ctx, a, part)
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

func (command accountExportCommand) export(ctx context.Context, a *app.App, to *os.File) (int64, error) {
	progress := newProgress(os.Stderr)
	defer progress.clear()

	return a.Transfers.Export(ctx, to, transfer.Extract{
		Format: transfer.Format(command.Format), TOTPSecrets: command.TOTPSecrets, Progress: progress.exported,
	})
}
