package transfer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/transfer"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
)

// mixed returns a file of several batches, in which one line in a hundred is refused.
func mixed(lines int) string {
	var text strings.Builder

	for i := 1; i <= lines; i++ {
		if i%100 == 0 {
			text.WriteString(`{"_id":"x"}` + "\n")
		} else {
			text.WriteString(gatewayLine(i) + "\n")
		}
	}

	return text.String()
}

// linesOf returns the lines in a report.
func linesOf(t *testing.T, path string) (lines []int64) {
	t.Helper()

	for text := range strings.Lines(read(t, path)) {
		var remark transfer.Remark
		if err := json.Unmarshal([]byte(text), &remark); err != nil {
			t.Fatalf("%s: %v", text, err)
		}

		lines = append(lines, remark.Line)
	}

	return lines
}

// T-10: an interrupted import loses nothing and duplicates nothing, wherever it stops: with the same file it resumes
// after the last batch, and so does its report.
func TestResume(t *testing.T) {
	t.Parallel()

	const lines = 11_000

	text := mixed(lines)

	whole := setup(t)
	report := filepath.Join(t.TempDir(), "report")
	whole.imports(t, text, func(o *transfer.Options) { o.Report, o.Remark = report, nil })

	var want []int64
	for i := int64(100); i <= lines; i += 100 {
		want = append(want, i)
	}

	if got := linesOf(t, report); !slices.Equal(got, want) {
		t.Errorf("the report of a whole one is about %v", got)
	}

	e := setup(t)
	broken := filepath.Join(t.TempDir(), "report")
	options := func(o *transfer.Options) { o.Report, o.Remark = broken, nil }

	// Stopped after the second batch; the third is in progress.
	ctx, stop := context.WithCancel(t.Context())
	_, err := e.Import(origin.With(ctx, commandLine), transfer.Input{Name: "a", From: strings.NewReader(text), Size: int64(len(text))}, transfer.Options{
		Format: transfer.Auto, Group: "None", Report: broken,
		Progress: func(p transfer.Progress) {
			if p.Line == 10_000 {
				stop()
			}
		},
	})

	if err == nil || e.accounts(t) != 9_900 {
		t.Fatalf("%d accounts, %v", e.accounts(t), err)
	}

	// What remains after a kill between the report and the commit.
	appended, err := os.OpenFile(broken, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}

	fmt.Fprintf(appended, `{"line":10100,"reason":"x","imported":false}`+"\n"+`{"line":10200,"rea`)
	appended.Close()

	var first *transfer.Progress

	o := e.imports(t, text, options, func(o *transfer.Options) {
		o.Progress = func(p transfer.Progress) {
			if first == nil {
				first = &p
			}
		}
	})
	if o.err != nil || first.Line != 10_000 || first.Imported != 9_900 || o.Imported != lines-lines/100 || o.Present != 0 || o.Refused != lines/100 {
		t.Errorf("from %+v to %+v, %v", first, o.Progress, o.err)
	}

	if got := linesOf(t, broken); !slices.Equal(got, want) {
		t.Errorf("the report is about %v", got)
	}

	if e.exports(t, everything) != whole.exports(t, everything) {
		t.Error("what was broken off is not what went through")
	}

	events := value[int64](t, e, "SELECT sum((detail->>'imported')::integer) FROM audit_event WHERE action = 'account.imported'")
	if events != o.Imported {
		t.Errorf("the audit log tells of %d", events)
	}

	// A finished import begins anew, and finds every account present.
	o = e.imports(t, text, options)
	if o.err != nil || o.Imported != 0 || o.Present != lines-lines/100 || !slices.Equal(linesOf(t, broken), want) {
		t.Errorf("again: %+v, %v", o.Progress, o.err)
	}
}

// T-04: of two imports of the same file one succeeds, and the other stops; no account is imported twice.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()

	e := setup(t)
	text := gatewayLines(1, 12_001)
	done := make(chan outcome, 2)

	for range 2 {
		go func() { done <- e.imports(t, text) }()
	}

	first, second := <-done, <-done

	for _, o := range []outcome{first, second} {
		if o.err != nil && !errors.Is(o.err, transfer.ErrOvertaken) {
			t.Errorf("got %v", o.err)
		}
	}

	if first.err != nil && second.err != nil {
		e.imports(t, text).succeeds(t, 12_000, 0)
	}

	if n := e.accounts(t); n != 12_000 {
		t.Errorf("%d accounts", n)
	}
}

// An import from standard input cannot be resumed: it begins anew each time, and finds the existing accounts.
func TestStandardInput(t *testing.T) {
	t.Parallel()

	e := setup(t)
	text := gatewayLines(1, 6_001)
	input := func() transfer.Input {
		return transfer.Input{Name: "standard input", From: once{strings.NewReader(text)}}
	}

	ctx, stop := context.WithCancel(t.Context())

	_, err := e.Import(origin.With(ctx, commandLine), input(), transfer.Options{Format: transfer.Auto, Group: "None", Progress: func(p transfer.Progress) {
		if p.Line > 0 {
			stop()
		}
	}})
	if err == nil {
		t.Error("it was not stopped")
	}

	e.importsFrom(t, input()).succeeds(t, 1_000, 5_000)
	e.importsFrom(t, input()).succeeds(t, 0, 6_000)
}

// Only a report is overwritten by a report: the accounts file is easily named by mistake.
func TestReportSparesOtherFiles(t *testing.T) {
	t.Parallel()

	e := setup(t)

	for _, text := range []string{gatewayLine(1), own("avatar", 1) + "\n", "hello", "{}\n"} {
		path := file(t, text)

		o := e.imports(t, gatewayLine(1), func(o *transfer.Options) { o.Report = path })
		if o.err == nil || !strings.Contains(o.err.Error(), "is not a report") || read(t, path) != text {
			t.Errorf("%v; %s became %s", o.err, text, read(t, path))
		}
	}

	if n := e.accounts(t); n != 0 {
		t.Errorf("%d accounts", n)
	}
}
