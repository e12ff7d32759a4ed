package apptest

import (
	"bytes"
	"context"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Statements records the queries that a gateway sends, without River's own, BEGIN and COMMIT.
type Statements struct {
	mu    sync.Mutex
	names []string
	texts []Statement
}

// Statement is a query as it was sent, with its values.
type Statement struct {
	Name   string
	Text   string
	Values []any // a pgx.QueryExecMode may come first
}

// TraceQueryStart implements pgx.QueryTracer.
func (s *Statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if rest, ours := strings.CutPrefix(data.SQL, "-- name: "); ours && !strings.Contains(data.SQL, "river_") {
		name, _, _ := strings.Cut(rest, " ")
		if strings.HasPrefix(name, "PG") || name == "SigningKeyList" { // River's, too; and one that runs twice a second
			return ctx
		}

		s.mu.Lock()
		defer s.mu.Unlock()

		s.names = append(s.names, name)
		s.texts = append(s.texts, Statement{Name: name, Text: data.SQL, Values: data.Args})
	}

	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (s *Statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Take returns the names of the queries since the last Take.
func (s *Statements) Take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()

	names := s.names
	s.names, s.texts = nil, nil

	return names
}

// TakeTexts returns the queries since the last Take, in full.
func (s *Statements) TakeTexts() []Statement {
	s.mu.Lock()
	defer s.mu.Unlock()

	texts := s.texts
	s.names, s.texts = nil, nil

	return texts
}

// Log records what a gateway logs.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.text.Write(p)
}

// String returns everything that was logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.text.String()
}
