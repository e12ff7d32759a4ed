// Bench measures the gateway beside programs that do the minimum for the same work, in one run and alternately, so that
// other load on the machine affects both. It prints the numbers that docs/performance.md promises. Its exit code does
// not depend on them: a busy machine is not a defect.
//
// Run it with `make bench`. `go run ./bench -help` lists the flags; `-growth 10000000` also
// compares a large database with a small one, and takes about 10 GB and half an hour. To profile the
// gateway meanwhile, set PRIVATE_ADDR as for any gateway.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()

	if run := role(os.Args); run != nil {
		exit(run(ctx))
	}

	exit(measure(ctx, readOptions(), os.Stdout, os.Stderr))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}

	os.Exit(0)
}

// role is the role of this program when it does not measure: it runs itself again, so that the measured program is a
// separate process.
func role(args []string) func(context.Context) error {
	if len(args) < 2 {
		return nil
	}

	switch args[1] {
	case floorRole:
		return runFloor
	case hashRole:
		return runHashing
	}

	return nil
}

// options are the lengths and sizes. The smoke test makes everything tiny.
type options struct {
	gateway     string // the binary; built if empty
	dir         string // of the private Postgres: on a disk, because its flushes are part of the work
	only        []string
	markdown    bool
	logLevel    string
	connections int
	rounds      int
	slice       time.Duration
	sessions    int           // of each side
	logins      int           // at once
	flood       time.Duration // how long the flood lasts
	starts      int
	settle      time.Duration // until a gateway counts as idle
	growth      int           // accounts of the large database; 0 leaves it out
	small       int           // accounts of the small one
	imports     int           // accounts that are imported
	parts       int           // files that they are in, so that the two sides take turns
}

func readOptions() options {
	o := options{logins: 2000, starts: 10, settle: 3 * time.Second, small: 10_000, parts: 5}

	flag.StringVar(&o.gateway, "gateway", "", "measure this `binary`, rather than building one")
	flag.StringVar(&o.dir, "dir", filepath.Join(".dev", "bench"), "`folder` of the private Postgres; removed before and after")
	flag.BoolVar(&o.markdown, "markdown", false, "print the table as docs/performance.md has it")
	flag.StringVar(&o.logLevel, "log-level", "INFO", "LOG_LEVEL of the gateway; its log goes to a file")
	flag.IntVar(&o.connections, "connections", 16, "keep-alive connections of the closed loop")
	flag.IntVar(&o.rounds, "rounds", 16, "slices of each side")
	flag.DurationVar(&o.slice, "slice", time.Second, "length of a slice")
	flag.IntVar(&o.sessions, "sessions", 4000, "sessions of each side")
	flag.DurationVar(&o.flood, "flood", time.Minute, "length of the flood of sign-ins")
	flag.IntVar(&o.imports, "import", 100_000, "import a file of this many `accounts`")
	flag.IntVar(&o.growth, "growth", 0, "also compare a database of this many `accounts` with one of 10,000")
	only := flag.String("only", "", "a comma-separated `list` out of: "+strings.Join(names(), ", "))
	flag.Parse()

	if *only != "" {
		o.only = strings.Split(*only, ",")
	}

	return o
}

// measurement is one line of the table, or several.
type measurement struct {
	name string
	run  func(context.Context, *bench) ([]line, error)
}

func measurements() []measurement {
	return []measurement{
		{"me", measureMe},
		{"refresh", measureRefresh},
		{"login", measureLogin},
		{"memory", measureMemory},
		{"flood", measureFlood},
		{"start", measureStart},
		{"import", measureImport},
		{"growth", measureGrowth},
		{"admin", measureAdmin},
	}
}

func names() []string {
	var list []string
	for _, one := range measurements() {
		list = append(list, one.name)
	}

	return list
}

// bench is one run.
type bench struct {
	options

	say       func(format string, args ...any)
	database  *database
	masterKey string
	environ   []string // of every measured process
}

func measure(ctx context.Context, o options, out, progress io.Writer) (err error) {
	b := &bench{options: o, say: func(format string, args ...any) { fmt.Fprintf(progress, format+"\n", args...) }}

	for _, name := range o.only {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("-only: %q is none of %s", name, strings.Join(names(), ", "))
		}
	}

	if err := b.prepare(ctx); err != nil {
		return err
	}
	defer func() { err = join(err, b.database.close()) }()

	var lines []line

	for _, one := range measurements() {
		if len(o.only) > 0 && !slices.Contains(o.only, one.name) {
			continue
		}

		b.say("measuring %s", one.name)

		more, err := one.run(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}

		lines = append(lines, more...)
	}

	return report{lines: lines, about: b.about()}.print(out, o.markdown)
}
