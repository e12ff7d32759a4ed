package cli

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/transfer"
)

// A meter tells how far a command is: on a terminal in one line that is written over and over, elsewhere in a line now
// and then. It is a page of code, where a library would bring a dozen others.
type meter struct {
	to       *os.File
	terminal bool
	began    time.Time
	told     time.Time
	first    *transfer.Progress // what was done before this run began
}

const (
	meterOnTerminal = 100 * time.Millisecond
	meterElsewhere  = 5 * time.Second
	meterWidth      = 24
)

func newMeter(to *os.File) *meter {
	info, err := to.Stat()
	now := time.Now()

	return &meter{to: to, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, began: now, told: now}
}

// imported is told of every batch, and of the beginning.
func (m *meter) imported(p transfer.Progress) {
	if m.first == nil {
		m.first = &p
		m.began = time.Now()
		m.told = m.began

		if p.Line > 0 {
			m.say("going on after line %d: imported %d, there already %d, refused %d so far", p.Line, p.Imported, p.Present, p.Refused)
		}

		return
	}

	took := time.Since(m.began).Seconds()
	text := fmt.Sprintf("%d lines, %.0f/s, refused %d", p.Line, float64(p.Line-m.first.Line)/took, p.Refused)

	if done := p.Position - m.first.Position; p.Size > 0 && done > 0 {
		left := time.Duration(took * float64(p.Size-p.Position) / float64(done) * float64(time.Second))
		text = fmt.Sprintf("%s %3d %%  %s, %s left", bar(p), 100*p.Position/p.Size, text, left.Round(time.Second))
	}

	m.show(text)
}

func (m *meter) exported(count int64) {
	m.show(fmt.Sprintf("%d accounts, %.0f/s", count, float64(count)/time.Since(m.began).Seconds()))
}

func (m *meter) verified(part string, done, of int64) {
	if done < of {
		m.show(fmt.Sprintf("%s: %d of %d", part, done, of))
	}
}

func bar(p transfer.Progress) string {
	full := int(meterWidth * p.Position / p.Size)

	return "[" + strings.Repeat("#", full) + strings.Repeat("-", meterWidth-full) + "]"
}

func (m *meter) show(text string) {
	pause := meterElsewhere
	if m.terminal {
		pause = meterOnTerminal
	}

	if time.Since(m.told) < pause {
		return
	}

	m.told = time.Now()

	if m.terminal {
		fmt.Fprintf(m.to, "\r%s\x1b[K", text)
	} else {
		fmt.Fprintln(m.to, text)
	}
}

// say is a line that stays.
func (m *meter) say(format string, args ...any) {
	m.end()
	fmt.Fprintf(m.to, format+"\n", args...)
}

// end takes away the line that is written over.
func (m *meter) end() {
	if m.terminal {
		fmt.Fprint(m.to, "\r\x1b[K") //nolint:errcheck // it only tells
	}
}
