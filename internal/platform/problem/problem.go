// Package problem holds the few kinds of failure that a caller is told about, each with a stable
// code and a message in both languages. It knows nothing of HTTP: internal/httpapi maps a kind to
// a status, and writes it. An error that is no *Problem is a fault of ours.
package problem

import (
	"errors"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// Kind says whose turn it is after a failure.
type Kind int

// The kinds. Their statuses, one map for each surface, are in internal/httpapi.
const (
	Internal         Kind = iota // a fault of ours
	Invalid                      // the input has to change
	Refused                      // the credentials are wrong
	Unauthenticated              // nobody is signed in
	Limited                      // a limit of this person or destination: wait
	Forbidden                    // the request itself is not to be trusted, whoever makes it
	NotFound                     // no such path
	MethodNotAllowed             // the path has other methods
	NotAcceptable                // the answer's type is not wanted
	TooLarge                     // the body is too large
	UnsupportedMedia             // the body's type is not the documented one
	Conflict                     // what is there does not allow it
	Outdated                     // it was changed meanwhile
	Mismatched                   // the key of the request was another request's
	Unavailable                  // the database is away, or the server is full: wait
)

// Field says what is wrong with one part of the input.
type Field struct {
	// Name is a JSON Pointer into the body (RFC 6901), "?name" for a query parameter, or the
	// bare name of a header.
	Name    string
	Message language.Text
}

// Problem is a failure that the caller is told about.
type Problem struct {
	Kind       Kind
	Code       string        // stable, upper snake case, an entry of the document's ErrorCode
	Fields     []Field       // only with Invalid
	RetryAfter time.Duration // only with Limited and Unavailable

	cause error // for the log, never for the caller
}

// New declares a problem. Call it for package variables, and compare with errors.Is.
func New(kind Kind, code string) *Problem {
	if _, known := messages[code]; !known {
		panic("problem: no message for " + code)
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

// Unwrap returns what caused the problem, if anything is known.
func (p *Problem) Unwrap() error { return p.cause }

// Is makes a problem with details the same as the declared one.
func (p *Problem) Is(target error) bool {
	t, ok := errors.AsType[*Problem](target)

	return ok && t.Code == p.Code
}

// Message is for people.
func (p *Problem) Message(l language.Language) string { return messages[p.Code].In(l) }

// At returns the problem with the fields that are to blame.
func (p *Problem) At(fields ...Field) *Problem {
	q := *p
	q.Fields = fields

	return &q
}

// After returns the problem with the time to wait.
func (p *Problem) After(d time.Duration) *Problem {
	q := *p
	q.RetryAfter = d

	return &q
}

// Because returns the problem with its cause, which only the log sees.
func (p *Problem) Because(err error) *Problem {
	q := *p
	q.cause = err

	return &q
}
