// Package logging creates the logger: JSON lines in release mode, readable lines in development. A reader that stops
// reading must not stop the server, so lines wait in a bounded buffer; if it is full, they are dropped and counted.
package logging

import (
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// gather is how long lines are gathered for one write. A system call for each request would be a tenth of its cost.
	gather = 50 * time.Millisecond
	// batch is the number of bytes that are written without waiting for more.
	batch = 64 << 10
	// most is the number of bytes that may wait for a slow reader: about 4,000 requests.
	most = 1 << 20
	// closeLimit is how long Close waits for a slow reader.
	closeLimit = 5 * time.Second
)

// Writer passes lines on to a slow writer without ever blocking.
type Writer struct {
	mu      sync.Mutex
	waiting []byte
	closed  bool

	some    chan struct{} // something waits
	enough  chan struct{} // a batch waits
	closing chan struct{}
	done    chan struct{}
	dropped atomic.Int64
}

// NewWriter returns a Writer that passes lines on to out. Close it to write the remaining lines.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{some: make(chan struct{}, 1), enough: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}

	go w.pass(out)

	return w
}

func (w *Writer) pass(out io.Writer) {
	defer close(w.done)

	var lines []byte

	for last := false; !last; {
		select {
		case <-w.some:
			select {
			case <-time.After(gather):
			case <-w.enough:
			case <-w.closing:
			}
		case <-w.closing:
		}

		lines, last = w.take(lines[:0])
		if len(lines) > 0 {
			_, _ = out.Write(lines) // there is no place to report this
		}
	}
}

// take returns the waiting lines, and whether there will be no more. It keeps the given buffer for the next ones.
func (w *Writer) take(empty []byte) (lines []byte, last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()

	lines, w.waiting = w.waiting, empty

	return lines, w.closed
}

// Write adds a line to those that wait, or drops it. It always reports success: slog cannot use an error.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()

	// A line of a request that outlived the shutdown comes too late.
	if w.closed || len(w.waiting)+len(line) > most {
		w.dropped.Add(1)

		return len(line), nil
	}

	w.waiting = append(w.waiting, line...)
	signal(w.some)

	if len(w.waiting) >= batch {
		signal(w.enough)
	}

	return len(line), nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Dropped returns how many lines were lost to a slow reader.
func (w *Writer) Dropped() int64 { return w.dropped.Load() }

// Close waits until every line is written, for a limited time: a stopped reader must not keep the process from ending.
// A line that is logged after it is dropped.
func (w *Writer) Close() {
	w.mu.Lock()

	if !w.closed {
		w.closed = true
		close(w.closing)
	}

	w.mu.Unlock()

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
