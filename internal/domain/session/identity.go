package session

import "context"

type principalKey struct{}

// WithPrincipal says who makes a call, in the context of all that the call does.
func WithPrincipal(ctx context.Context, who Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, who)
}

// PrincipalFrom is there in every operation that somebody has to be signed in for.
func PrincipalFrom(ctx context.Context) Principal { return ctx.Value(principalKey{}).(Principal) }
