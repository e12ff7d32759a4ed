package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
)

// The commands about the audit log.
type (
	auditCommand struct {
		Verify auditVerifyCommand `cmd:"" help:"Verify the hash chain of the whole audit log. Exit code 0: no event was changed, removed or inserted. Needs DATABASE_URL and MASTER_KEY."`
	}
	auditVerifyCommand struct {
		Head string `placeholder:"SEQ:HASH" help:"A head of the chain that was kept elsewhere, from the server's log or an earlier verification. It reveals that the chain was cut off since."`
	}
)

// Run verifies the audit log.
func (command auditVerifyCommand) Run(ctx context.Context, i invocation) error {
	var kept audit.Head

	if command.Head != "" {
		var err error
		if kept, err = audit.ParseHead(command.Head); err != nil {
			return fmt.Errorf("--head: %w", err)
		}
	}

	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		progress := newProgress(os.Stderr)

		verdict, err := a.Chain.Verify(ctx, kept, progress.verified)
		progress.clear()

		if err != nil {
			return err
		}

		return report(verdict)
	})
}

// report prints a verdict, and returns an error if it has faults.
func report(verdict audit.Verdict) error {
	fmt.Printf("%d events are sealed, %d are not sealed yet\n", verdict.Sealed, verdict.Waiting)

	if verdict.Sealed > 0 {
		fmt.Printf("from %s to %s\nhead %s\n", verdict.Oldest.Format(time.RFC3339), verdict.Newest.Format(time.RFC3339), verdict.Head)
	}

	for _, note := range verdict.Notes {
		fmt.Println("note:", note)
	}

	for _, fault := range verdict.Faults {
		fmt.Println("FAULT:", fault)
	}

	switch more := verdict.FaultCount - int64(len(verdict.Faults)); {
	case more > 0:
		return fmt.Errorf("the audit log does not match its hash chain: faults %d, of which %d are not shown", verdict.FaultCount, more)
	case verdict.FaultCount > 0:
		return fmt.Errorf("the audit log does not match its hash chain: faults %d", verdict.FaultCount)
	}

	return nil
}
