// Package authority owns what an actor may do: rights, and what every change asks of its actor. Package group owns
// which rights a group gives.
package authority

import (
	"slices"
	"strings"
)

// Right is a permission of a group's members, x-required-right in the document.
type Right string

// The rights.
const (
	AccountsRead   Right = "accounts.read"
	AccountsWrite  Right = "accounts.write"
	AccountsDelete Right = "accounts.delete"
	GroupsWrite    Right = "groups.write"
	AuditRead      Right = "audit.read"
	WebhooksWrite  Right = "webhooks.write"

	// Any stands for any right, for an operation that requires no particular one.
	Any Right = "any"
	// Administer makes an administrator: it allows granting all other rights.
	Administer = GroupsWrite
)

// All are all rights.
var All = Rights{AccountsRead, AccountsWrite, AccountsDelete, GroupsWrite, AuditRead, WebhooksWrite}

// Rights are the rights of one group.
type Rights []Right

// Has reports whether the right is one of them.
func (r Rights) Has(right Right) bool {
	if right == Any {
		return len(r) > 0
	}

	return slices.Contains(r, right)
}

// Include reports whether all the others are among them. No actor uses, or grants, more rights than it has.
func (r Rights) Include(others Rights) bool {
	return !slices.ContainsFunc(others, func(right Right) bool { return !r.Has(right) })
}

// String lists them, for the audit log.
func (r Rights) String() string { return strings.Join(r.Texts(), " ") }

// Texts returns them as the database holds them.
func (r Rights) Texts() []string {
	texts := make([]string, len(r))
	for i, right := range r {
		texts[i] = string(right)
	}

	return texts
}

// RightsOf keeps the rights that this version knows.
func RightsOf(texts []string) Rights {
	var rights Rights

	for _, text := range texts {
		if right := Right(text); slices.Contains(All, right) {
			rights = append(rights, right)
		}
	}

	return rights
}
