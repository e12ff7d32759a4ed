package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// line is one line of the table.
type line struct {
	work     string
	measured string // the gateway
	beside   string // the program that it is compared with
	result   string
	target   string
	held     bool
	unknown  bool // not measured in this run
}

func (l line) verdict() string {
	switch {
	case l.unknown:
		return "-"
	case l.held:
		return "held"
	}

	return "MISSED"
}

func (l line) cells() []string {
	return []string{l.work, l.measured, l.beside, l.result, l.target, l.verdict()}
}

// describe returns the text for a sample.
func describe(s sample) string {
	text := fmt.Sprintf("%.0f/s, p50 %s, p99 %s", s.rate(), milliseconds(s.quantile(0.5)), milliseconds(s.quantile(0.99)))
	if s.cpu > 0 && s.all > 0 {
		text += fmt.Sprintf(", %d µs of CPU each", (s.cpu / time.Duration(s.all)).Microseconds())
	}

	return text
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
}

// report is the result of a run.
type report struct {
	about string
	lines []line
}

func (r report) print(out io.Writer, markdown bool) error {
	head := []string{"Work", "Gateway", "Beside it", "Result", "Target", ""}

	if markdown {
		return r.markdown(out, head)
	}

	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.ToUpper(strings.Join(head, "\t")))

	for _, l := range r.lines {
		fmt.Fprintln(table, strings.ReplaceAll(strings.Join(l.cells(), "\t"), "`", ""))
	}

	if err := table.Flush(); err != nil {
		return err
	}

	_, err := fmt.Fprintf(out, "\n%s\n", r.about)

	return err
}

func (r report) markdown(out io.Writer, head []string) error {
	var text strings.Builder

	fmt.Fprintf(&text, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))

	for _, l := range r.lines {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(l.cells(), " | "))
	}

	fmt.Fprintf(&text, "\n%s\n", r.about)

	_, err := io.WriteString(out, text.String())

	return err
}
