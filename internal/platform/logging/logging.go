// Package logging creates the logger: JSON lines in release mode, readable lines in development. A reader that stops
// reading must not stop the server, so lines wait in a bounded queue; if it is full, they are dropped and counted.
package logging

import (
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// queued is how many lines may wait for a slow reader.
	queued = 4096
	// closeLimit is how long Close waits for a slow reader.
	closeLimit = 5 * time.Second
)

// Writer passes lines on to a slow writer without ever blocking.
type Writer struct {
	lines   chan []byte
	closing chan struct{}
	done    chan struct{}
	dropped atomic.Int64
	close   sync.Once
}

// NewWriter returns a Writer that passes lines on to out. Close it to write the remaining lines.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{lines: make(chan []byte, queued), closing: make(chan struct{}), done: make(chan struct{})}

	go w.pass(out)

	return w
}

func (w *Writer) pass(out io.Writer) {
	defer close(w.done)

	for {
		select {
		case line := <-w.lines:
			_, _ = out.Write(line) // there is no place to report this
		case <-w.closing:
			for len(w.lines) > 0 {
				_, _ = out.Write(<-w.lines) // likewise
			}

			return
		}
	}
}

// Write queues a line, or drops it. It always reports success: slog cannot use an error.
func (w *Writer) Write(line []byte) (int, error) {
	select {
	case <-w.closing: // a request that outlived the shutdown
		w.dropped.Add(1)

		return len(line), nil
	default:
	}

	select {
	case w.lines <- append([]byte(nil), line...):
	default:
		w.dropped.Add(1)
	}

	return len(line), nil
}

// Dropped returns how many lines were lost to a slow reader.
func (w *Writer) Dropped() int64 { return w.dropped.Load() }

// Close waits until every line is written, for a limited time: a stopped reader must not keep the process from ending.
// A line that is logged after it is dropped.
func (w *Writer) Close() {
	w.close.Do(func() { close(w.closing) })

	select {
	case <-w.done:
	case <-time.After(closeLimit):
	}
}

// New returns a logger that writes to w.
func New(w io.Writer, level slog.Level, readable bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if readable {
		return slog.New(slog.NewTextHandler(w, options))
	}

	return slog.New(slog.NewJSONHandler(w, options))
}
