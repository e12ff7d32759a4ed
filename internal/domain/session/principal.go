package session

import "context"

type principalKey struct{}

// WithPrincipal returns a context with the principal of the call.
func WithPrincipal(ctx context.Context, who Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, who)
}

// PrincipalFrom returns the principal of the call; every operation that requires a sign-in has one.
func PrincipalFrom(ctx context.Context) Principal { return ctx.Value(principalKey{}).(Principal) }
