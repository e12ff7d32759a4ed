package code

import (
	"context"
	"fmt"

	"github.com/konec/toolkit-gateway/gen/db"
)

// Void voids the outstanding codes of an account: those that sign in, and those that it has requested.
func Void(ctx context.Context, tx db.DBTX, accountID string) error {
	return void(ctx, tx, db.CodeVoidParams{
		AccountID: accountID, Sent: []string{Reset.Name, SignIn.Name, SignInMail.Name}, Linked: []string{ResetLink.Name}, Asked: []string{Phone.Name, Email.Name, EmailLink.Name},
	})
}

// VoidEmails voids the codes and links that could give the account another address.
func VoidEmails(ctx context.Context, tx db.DBTX, accountID string) error {
	return void(ctx, tx, db.CodeVoidParams{AccountID: accountID, Sent: []string{}, Linked: []string{}, Asked: []string{Email.Name, EmailLink.Name}})
}

func void(ctx context.Context, tx db.DBTX, codes db.CodeVoidParams) error {
	if err := db.New(tx).CodeVoid(ctx, codes); err != nil {
		return fmt.Errorf("void codes: %w", err)
	}

	return nil
}
