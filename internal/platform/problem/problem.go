// Package problem defines the few kinds of failure that a caller receives, each with a stable code and a message in
// both languages. It knows nothing of HTTP: package httpapi maps a kind to a status, and writes it. Any error that is
// not a *Problem is a fault of this server.
package problem

import (
	"errors"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// Kind is the class of a failure: it implies what the caller can do.
type Kind int

// The kinds. Their statuses, one map for each surface, are in package httpapi.
const (
	Internal         Kind = iota // a fault of this server
	Invalid                      // the input must change
	Refused                      // the credentials are wrong
	Unauthenticated              // no one is signed in
	Limited                      // a limit of this user or destination is reached: wait
	Forbidden                    // the request itself cannot be trusted, whatever its sender
	NotFound                     // no such path
	MethodNotAllowed             // the path has other methods
	NotAcceptable                // the response's type is not acceptable
	TooLarge                     // the body is too large
	UnsupportedMedia             // the body's type is not the documented one
	Conflict                     // the current state does not allow it
	Outdated                     // the version is not the current one
	Mismatched                   // the key belongs to another request
	Unavailable                  // the database is unavailable or the server is at capacity: wait
)

// Field is the error of one part of the input.
type Field struct {
	// Name is a JSON Pointer into the body (RFC 6901), "?name" for a query parameter, or the
	// bare name of a header.
	Name    string
	Message language.Text
}

// Problem is a failure that the caller receives.
type Problem struct {
	Kind       Kind
	Code       string        // stable, upper snake case, an entry of the document's ErrorCode
	Fields     []Field       // only with Invalid
	Methods    []string      // what is accepted as the second factor, if it is missing
	RetryAfter time.Duration // only with Limited and Unavailable
	Hold       time.Duration // how long the response is held back, so that its time reveals nothing

	cause error // for the log, never for the caller
}

// New declares a problem. Use it for package variables, and compare with errors.Is.
func New(kind Kind, code string) *Problem {
	if _, known := messages[code]; !known {
		panic("problem: no message for " + code)
	}

	return &Problem{Kind: kind, Code: code}
}

// Kept returns a problem that was kept by its code, perhaps by another version of the server: ErrInternal if this version
// does not know the code.
func Kept(kind Kind, code string) *Problem {
	if _, known := messages[code]; !known {
		return ErrInternal
	}

	return &Problem{Kind: kind, Code: code}
}

// Error is for the log.
func (p *Problem) Error() string {
	if p.cause != nil {
		return p.Code + ": " + p.cause.Error()
	}

	return p.Code
}

// Unwrap returns the cause, or nil.
func (p *Problem) Unwrap() error { return p.cause }

// Is reports whether target has the same code: details do not matter.
func (p *Problem) Is(target error) bool {
	t, ok := errors.AsType[*Problem](target)

	return ok && t.Code == p.Code
}

// Message returns the text for people.
func (p *Problem) Message(l language.Language) string { return messages[p.Code].In(l) }

// WithFields returns a copy with the fields at fault.
func (p *Problem) WithFields(fields ...Field) *Problem {
	q := *p
	q.Fields = fields

	return &q
}

// WithMethods returns a copy with what is accepted as the second factor.
func (p *Problem) WithMethods(methods ...string) *Problem {
	q := *p
	q.Methods = methods

	return &q
}

// WithRetryAfter returns a copy with the time to wait.
func (p *Problem) WithRetryAfter(d time.Duration) *Problem {
	q := *p
	q.RetryAfter = d

	return &q
}

// WithHold returns a copy whose response is held back.
func (p *Problem) WithHold(d time.Duration) *Problem {
	q := *p
	q.Hold = d

	return &q
}

// WithCause returns a copy with its cause, which only the log sees.
func (p *Problem) WithCause(err error) *Problem {
	q := *p
	q.cause = err

	return &q
}
