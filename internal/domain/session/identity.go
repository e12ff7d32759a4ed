package session

import "context"

type identityKey struct{}

// WithIdentity says who makes a call, in the context of all that the call does.
func WithIdentity(ctx context.Context, who Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, who)
}

// IdentityOf is there in every operation that somebody has to be signed in for.
func IdentityOf(ctx context.Context) Identity { return ctx.Value(identityKey{}).(Identity) }
