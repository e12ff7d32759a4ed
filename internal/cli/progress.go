package cli

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/transfer"
)

// progress shows how far a command is: on a terminal in one line that is overwritten, elsewhere in a line every few
// seconds. It is a page of code; a library would bring a dozen others.
type progress struct {
	to       *os.File
	terminal bool
	began    time.Time
	shown    time.Time
	first    *transfer.Progress // what was done before this run began
}

const (
	terminalInterval = 100 * time.Millisecond
	plainInterval    = 5 * time.Second
	barWidth         = 24
)

func newProgress(to *os.File) *progress {
	info, err := to.Stat()
	now := time.Now()

	return &progress{to: to, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, began: now, shown: now}
}

// imported shows the state after a batch. The first call is the state before the first batch.
func (p *progress) imported(now transfer.Progress) {
	if p.first == nil {
		p.first = &now
		p.began = time.Now()
		p.shown = p.began

		if summary := now.Format.Summary(); summary != "" {
			p.print("format: %s", summary)
		}

		if now.Line > 0 {
			p.print("resuming after line %d: imported %d, already present %d, refused %d so far", now.Line, now.Imported, now.Present, now.Refused)
		}

		return
	}

	took := time.Since(p.began).Seconds()
	text := fmt.Sprintf("%d lines, %.0f/s, refused %d", now.Line, float64(now.Line-p.first.Line)/took, now.Refused)

	if done := now.Position - p.first.Position; now.Size > 0 && done > 0 {
		left := time.Duration(took * float64(now.Size-now.Position) / float64(done) * float64(time.Second))
		text = fmt.Sprintf("%s %3d %%  %s, %s left", bar(now), 100*now.Position/now.Size, text, left.Round(time.Second))
	}

	p.update(text)
}

func (p *progress) exported(count int64) {
	p.update(fmt.Sprintf("%d accounts, %.0f/s", count, float64(count)/time.Since(p.began).Seconds()))
}

func (p *progress) verified(part string, done, of int64) {
	if done < of {
		p.update(fmt.Sprintf("%s: %d of %d", part, done, of))
	}
}

func bar(now transfer.Progress) string {
	full := int(barWidth * now.Position / now.Size)

	return "[" + strings.Repeat("#", full) + strings.Repeat("-", barWidth-full) + "]"
}

// update shows the text, unless the last one was shown a moment ago.
func (p *progress) update(text string) {
	interval := plainInterval
	if p.terminal {
		interval = terminalInterval
	}

	if time.Since(p.shown) < interval {
		return
	}

	p.shown = time.Now()

	if p.terminal {
		fmt.Fprintf(p.to, "\r%s\x1b[K", text)
	} else {
		fmt.Fprintln(p.to, text)
	}
}

// print prints a line that stays.
func (p *progress) print(format string, args ...any) {
	p.clear()
	fmt.Fprintf(p.to, format+"\n", args...)
}

// clear removes the line that is overwritten.
func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.to, "\r\x1b[K") //nolint:errcheck // it only informs
	}
}
