package authority

import "github.com/konec/toolkit-gateway/internal/domain/idempotency"

// Change is what the changes of administrators and operators have in common.
type Change struct {
	Actor  Actor
	Key    idempotency.Key // a change under a key happens once
	Target Target          // not used when something is created, or many accounts are changed
	Reason string          // for the audit log; empty for none
}

// Target is what to change: an account, a group or a webhook.
type Target struct {
	ID      string // a group's name
	Version *int32 // the version that the change expects; nil for any
}

// Expects reports whether the change may be made to the target at this version.
func (t Target) Expects(version int32) bool { return t.Version == nil || *t.Version == version }
