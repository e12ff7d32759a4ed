package logging

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// F-19, T-12: a reader that stops reading costs lines, and nothing else.
func TestWriter(t *testing.T) {
	t.Parallel()

	t.Run("PassesEveryLineOnInOrder", func(t *testing.T) {
		t.Parallel()

		var out bytes.Buffer

		w := NewWriter(&out)
		want := ""

		for i := range 1000 {
			line := fmt.Sprintf("line %d\n", i)
			want += line

			_, _ = io.WriteString(w, line)
		}

		w.Close()

		if out.String() != want || w.Dropped() != 0 {
			t.Errorf("%d bytes, want %d, dropped %d", out.Len(), len(want), w.Dropped())
		}
	})

	t.Run("CallersBufferMayBeUsedAgain", func(t *testing.T) {
		t.Parallel()

		var out bytes.Buffer

		w := NewWriter(&out)
		line := []byte("one\n")

		_, _ = w.Write(line)
		copy(line, "two")
		w.Close()

		if out.String() != "one\n" {
			t.Errorf("got %q", out.String())
		}
	})

	t.Run("StalledReaderBlocksNobody", func(t *testing.T) {
		t.Parallel()

		// In a bubble, a goroutine that blocks forever would end the test as a deadlock.
		synctest.Test(t, func(t *testing.T) {
			r, out := io.Pipe() // no one reads
			defer r.Close()

			w := NewWriter(out)

			const more = 100

			// One is with the reader, and the buffer is full.
			_, _ = io.WriteString(w, "first\n")
			time.Sleep(gather)
			synctest.Wait()

			line := strings.Repeat("x", 1023) + "\n"
			for range most/len(line) + more {
				if n, err := io.WriteString(w, line); n != len(line) || err != nil {
					t.Fatalf("wrote %d, %v", n, err)
				}
			}

			if w.Dropped() != more {
				t.Errorf("dropped %d, want %d", w.Dropped(), more)
			}

			before := time.Now()
			w.Close()

			if took := time.Since(before); took != closeLimit {
				t.Errorf("closing took %s, want %s", took, closeLimit)
			}
		})
	})

	t.Run("LinesShareAWrite", func(t *testing.T) {
		t.Parallel()

		synctest.Test(t, func(t *testing.T) {
			var out writes

			w := NewWriter(&out)
			defer w.Close()

			for range 10 {
				_, _ = io.WriteString(w, "line\n")
			}

			time.Sleep(gather)
			synctest.Wait()

			if len(out) != 1 || out[0] != 50 {
				t.Errorf("writes of %d bytes for ten lines, want one", out)
			}

			// A large batch does not wait.
			before := time.Now()
			_, _ = io.WriteString(w, strings.Repeat("x", batch-1)+"\n")
			synctest.Wait()

			if len(out) != 2 || out[1] != batch || !time.Now().Equal(before) {
				t.Errorf("writes of %d bytes", out)
			}
		})
	})

	t.Run("LineAfterCloseIsDropped", func(t *testing.T) {
		t.Parallel()

		var out bytes.Buffer

		w := NewWriter(&out)
		w.Close()
		w.Close()

		_, _ = io.WriteString(w, "late\n")

		if out.Len() != 0 || w.Dropped() != 1 {
			t.Errorf("got %q, dropped %d", out.String(), w.Dropped())
		}
	})

	t.Run("ManyWritersShareIt", func(t *testing.T) {
		t.Parallel()

		var (
			out bytes.Buffer
			all sync.WaitGroup
		)

		w := NewWriter(&out)

		for range 8 {
			all.Go(func() {
				for range 100 {
					_, _ = io.WriteString(w, "whole line\n")
				}
			})
		}

		all.Wait()
		w.Close()

		if out.String() != strings.Repeat("whole line\n", 800) {
			t.Errorf("%d bytes", out.Len())
		}
	})
}

// writes has the length of every write.
type writes []int

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, len(p))

	return len(p), nil
}

// R-K5: whatever a value contains, an entry is one line, and the value one member.
func TestHostileValueStaysInItsEntry(t *testing.T) {
	t.Parallel()

	hostile := "a\r\n{\"level\":\"ERROR\"}\n\x1b[2J\x00\u2028 b=c \"d\" \xff"

	for name, readable := range map[string]bool{"JSON": false, "Readable": true} {
		var out bytes.Buffer

		New(&out, slog.LevelInfo, readable).Info("entry", "value", hostile, hostile, "x")

		if got := out.String(); strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\r\x1b\x00") {
			t.Errorf("%s: %q", name, got)
		}

		var members map[string]any
		if err := json.Unmarshal(out.Bytes(), &members); !readable && (err != nil || len(members) != 5) {
			t.Errorf("%s: %v, %v", name, members, err)
		}
	}
}
