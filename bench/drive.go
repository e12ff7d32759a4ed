package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

// leadIn is the part of a slice, one in leadIn, that passes before anything is counted.
const leadIn = 10

// sample is the result of a slice, or of several slices of one side.
type sample struct {
	times   []time.Duration
	elapsed time.Duration
	cpu     time.Duration // of the server; zero if it is not measured
	all     int           // the operations that cpu is for
}

func (s sample) rate() float64 { return float64(len(s.times)) / s.elapsed.Seconds() }

// quantile requires sorted times.
func (s sample) quantile(q float64) time.Duration {
	if len(s.times) == 0 {
		return 0
	}

	return s.times[min(len(s.times)-1, int(q*float64(len(s.times))))]
}

func (s sample) sorted() sample {
	slices.Sort(s.times)

	return s
}

// drive runs the workers, each in a closed loop, for the length of a slice. Operations that end within the slice, after
// the lead-in, count: in a steady state their number is right, for any duration of one operation.
func drive(ctx context.Context, length time.Duration, workers []func() error) (sample, error) {
	var (
		group  sync.WaitGroup
		times  = make([][]time.Duration, len(workers))
		errs   = make([]error, len(workers))
		done   = make([]int, len(workers))
		begin  = time.Now()
		counts = begin.Add(length / leadIn)
		ends   = begin.Add(length)
	)

	for i, work := range workers {
		group.Go(func() {
			for start := time.Now(); start.Before(ends) && ctx.Err() == nil; {
				if errs[i] = work(); errs[i] != nil {
					return
				}

				done[i]++

				end := time.Now()
				if end.After(counts) && end.Before(ends) {
					times[i] = append(times[i], end.Sub(start))
				}

				start = end
			}
		})
	}

	group.Wait()

	all := 0
	for _, n := range done {
		all += n
	}

	return sample{times: slices.Concat(times...), elapsed: ends.Sub(counts), all: all}, join(append(errs, ctx.Err())...)
}

// side is one of the two programs that are compared: it runs for a slice.
type side func(ctx context.Context, length time.Duration) (sample, error)

// comparison is ours beside the other.
type comparison struct {
	ours, theirs sample
	ratio        float64 // of the rates: the median of the pairs'
	slowest      float64 // the same of the 99th percentiles
}

// compare runs both sides alternately, changing the order each time, after one slice each that does not count.
func compare(ctx context.Context, rounds int, length time.Duration, ours, theirs side) (comparison, error) {
	var (
		c              comparison
		rates, slowest []float64
	)

	for round := range rounds + 1 {
		order := []side{ours, theirs}
		if round%2 == 1 {
			slices.Reverse(order)
		}

		first, err := order[0](ctx, length)
		if err != nil {
			return c, err
		}

		second, err := order[1](ctx, length)
		if err != nil {
			return c, err
		}

		if round == 0 {
			continue
		}

		if round%2 == 1 {
			first, second = second, first
		}

		c.ours = merge(c.ours, first)
		c.theirs = merge(c.theirs, second)
		rates = append(rates, first.rate()/second.rate())
		slowest = append(slowest, first.sorted().quantile(0.99).Seconds()/second.sorted().quantile(0.99).Seconds())
	}

	c.ratio, c.slowest = median(rates), median(slowest)
	c.ours, c.theirs = c.ours.sorted(), c.theirs.sorted()

	return c, nil
}

func median(list []float64) float64 {
	slices.Sort(list)

	return list[len(list)/2]
}

func merge(a, b sample) sample {
	return sample{times: append(a.times, b.times...), elapsed: a.elapsed + b.elapsed, cpu: a.cpu + b.cpu, all: a.all + b.all}
}
