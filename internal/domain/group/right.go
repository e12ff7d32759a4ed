package group

import (
	"slices"
	"strings"
)

// Right is something that members of a group may do, x-required-right in the document.
type Right string

// The rights.
const (
	AccountsRead   Right = "accounts.read"
	AccountsWrite  Right = "accounts.write"
	AccountsDelete Right = "accounts.delete"
	GroupsWrite    Right = "groups.write"
	AuditRead      Right = "audit.read"
	WebhooksWrite  Right = "webhooks.write"

	// Any stands for any of them, where an operation asks for no more than that.
	Any Right = "any"
	// Administer is the one that makes an administrator: whoever has it can give all others.
	Administer = GroupsWrite
)

// All are the rights that there are.
var All = Rights{AccountsRead, AccountsWrite, AccountsDelete, GroupsWrite, AuditRead, WebhooksWrite}

// Rights are those of one group.
type Rights []Right

// Has says that the right is one of them.
func (r Rights) Has(right Right) bool {
	if right == Any {
		return len(r) > 0
	}

	return slices.Contains(r, right)
}

// Include says that all of the others are among them. Nobody acts on, or gives away, more than they have.
func (r Rights) Include(others Rights) bool {
	return !slices.ContainsFunc(others, func(right Right) bool { return !r.Has(right) })
}

// String lists them, for the audit log.
func (r Rights) String() string { return strings.Join(r.texts(), " ") }

func (r Rights) texts() []string {
	texts := make([]string, len(r))
	for i, right := range r {
		texts[i] = string(right)
	}

	return texts
}

// Administrator is who makes a change to somebody or something else.
type Administrator struct {
	AccountID string // empty for an operator at the command line
	Rights    Rights
}

// Operator is who has the database: everything is allowed, and nobody is named.
func Operator() Administrator { return Administrator{Rights: All} }
