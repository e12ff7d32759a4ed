// Package logging makes the logger: JSON lines in release mode, readable ones in development. A
// reader that stops reading must not stop the server, so lines wait in a bounded queue, and those
// that find it full are dropped and counted.
package logging

import (
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// queued is how many lines may wait for a slow reader.
const queued = 4096

// Writer passes lines on to a slow writer without ever blocking.
type Writer struct {
	lines   chan []byte
	done    chan struct{}
	dropped atomic.Int64

	mu     sync.RWMutex // held to write while the queue is open, and alone to close it
	closed bool
}

// NewWriter starts passing lines on to out. Close it to see the last ones through.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{lines: make(chan []byte, queued), done: make(chan struct{})}

	go func() {
		defer close(w.done)

		for line := range w.lines {
			_, _ = out.Write(line) // there is nowhere to say that the log is gone
		}
	}()

	return w
}

// Write takes a line, or drops it. It always says that it took it: slog has no use for an error.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()

	if w.closed {
		w.dropped.Add(1)

		return len(line), nil
	}

	select {
	case w.lines <- append([]byte(nil), line...):
	default:
		w.dropped.Add(1)
	}

	return len(line), nil
}

// Dropped is how many lines were lost to a slow reader.
func (w *Writer) Dropped() int64 { return w.dropped.Load() }

// Close waits until every line is written, or a second has passed without a reader. What is logged
// after it is dropped.
func (w *Writer) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.lines)
	}
	w.mu.Unlock()

	select {
	case <-w.done:
	case <-time.After(time.Second):
	}
}

// New makes a logger that writes to w.
func New(w io.Writer, level slog.Level, readable bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if readable {
		return slog.New(slog.NewTextHandler(w, options))
	}

	return slog.New(slog.NewJSONHandler(w, options))
}
