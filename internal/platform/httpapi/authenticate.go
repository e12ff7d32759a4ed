package httpapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Scheme is one of the document's security schemes, as a surface implements it.
type Scheme struct {
	// Presented reports whether the request carries a credential of this scheme.
	Presented func(r *http.Request) bool
	// Authenticate returns a context with the principal of the credential, or the problem with the credential. An
	// outage is not a problem of the credential.
	Authenticate func(r *http.Request) (context.Context, error)
	// Challenge adds to the response what the client needs to try again: a header, fresh cookies.
	Challenge func(w http.ResponseWriter, r *http.Request, err error)
}

// authenticate accepts a request that fulfils one of the operation's requirements, with all its schemes. It reads
// nothing except the document.
func (p *Pipeline) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requirements := operationOf(r.Context()).security
		if len(requirements) == 0 {
			next.ServeHTTP(w, r)

			return
		}

		ctx, err := p.satisfy(w, r, p.chosen(r, requirements))
		if err != nil {
			p.Fail(w, r, err)

			return
		}

		if rights := operationOf(ctx).rights; len(rights) > 0 {
			if ctx, err = p.authorize(ctx, rights); err != nil {
				if BearerPresented(r) {
					BearerChallenge(w, r, err)
				}

				p.Fail(w, r, err)

				return
			}
		}

		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// chosen returns the first requirement for which the request presents a credential, and otherwise the first
// requirement: the error is about the credential that was sent.
func (p *Pipeline) chosen(r *http.Request, requirements openapi3.SecurityRequirements) openapi3.SecurityRequirement {
	for _, requirement := range requirements {
		for name := range requirement {
			if p.schemes[name].Presented(r) {
				return requirement
			}
		}
	}

	return requirements[0]
}

// satisfy authenticates the requirement's schemes by name, so that the session is known before its XSRF token.
func (p *Pipeline) satisfy(w http.ResponseWriter, r *http.Request, requirement openapi3.SecurityRequirement) (context.Context, error) {
	for _, name := range slices.Sorted(maps.Keys(requirement)) {
		scheme := p.schemes[name]

		ctx, err := scheme.Authenticate(r)
		if err != nil {
			if scheme.Challenge != nil {
				scheme.Challenge(w, r, err)
			}

			return nil, err
		}

		r = r.WithContext(ctx)
	}

	return r.Context(), nil
}

// challenge returns the challenge of a 401, which must have one (RFC 9110, section 15.5.2). No scheme for cookies is
// registered; a browser ignores the one that it does not know, and shows no dialog.
func challenge(surface Surface) string {
	if surface == Public {
		return "Cookie"
	}

	return "Bearer"
}

// BearerChallenge returns the error of the token (RFC 6750, section 3).
func BearerChallenge(w http.ResponseWriter, _ *http.Request, err error) {
	switch {
	case errors.Is(err, problem.ErrUnauthenticated):
		w.Header().Set("WWW-Authenticate", "Bearer")
	case errors.Is(err, problem.ErrTokenInvalid):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	case errors.Is(err, problem.ErrInvalidRequest):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_request"`)
	case errors.Is(err, problem.ErrRightMissing):
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope"`)
	}
}

// BearerPresented reports whether there is an Authorization header.
func BearerPresented(r *http.Request) bool { return len(r.Header.Values("Authorization")) > 0 }

// Bearer returns the token of an Authorization header (RFC 6750, section 2.1). No other place is read. A missing token,
// or another scheme, is problem.ErrUnauthenticated; one that breaks the syntax is problem.ErrInvalidRequest.
func Bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", problem.ErrUnauthenticated
	}

	scheme, token, _ := strings.Cut(values[0], " ")
	if len(values) == 1 && !strings.EqualFold(scheme, "Bearer") {
		return "", problem.ErrUnauthenticated
	}

	if len(values) > 1 || !isToken68(token) {
		return "", problem.ErrInvalidRequest.WithFields(problem.Field{Name: "Authorization", Message: language.Text{
			Chinese: "必须是 Bearer 加一个令牌，且只能出现一次",
			English: "must be Bearer followed by one token, and appear once",
		}})
	}

	return token, nil
}

// isToken68 reports whether the text is a token68 (RFC 9110, section 11.2).
func isToken68(s string) bool {
	text := strings.TrimRight(s, "=")

	for i := range len(text) {
		c := text[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~+/", c) >= 0) {
			return false
		}
	}

	return text != ""
}
