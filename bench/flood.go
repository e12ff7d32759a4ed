package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The targets of a flood of sign-ins (security requirements, T-17).
const (
	floodNetworks = 8 // the origins of the flood
	floodHash     = 19 * mebibyte
	floodRest     = 64 * mebibyte
	floodQuick    = 250 * time.Millisecond
	floodRefused  = 2500 * time.Millisecond // 2 s, and the round trip on a machine at full load
	floodHonest   = 0.95
	floodRate     = 30 // right and wrong passwords, which cost the same
)

// measureFlood lets b.logins connections sign in over and over, with right and wrong passwords, and measures the effect
// on other users. No network limit applies, so that all of them reach the hashing.
func measureFlood(ctx context.Context, b *bench) (_ []line, err error) {
	const name = "flood"
	if err := b.database.create(ctx, name, b.logins, 1, b.say); err != nil {
		return nil, err
	}

	gateway, err := b.gatewayOn(ctx, name, "TRUSTED_PROXIES=127.0.0.0/8", "NETWORK_FAILURES=1000000000", "LOG_LEVEL=WARN")
	if err != nil {
		return nil, err
	}
	defer func() { err = join(err, gateway.stop()) }()

	select {
	case <-time.After(b.settle):
	case <-ctx.Done():
		return nil, ctx.Err()
	}

	memory := watch(gateway.command.Process.Pid)
	defer func() { err = join(err, memory.end()) }()

	idle, _, err := memory.read()
	if err != nil {
		return nil, err
	}

	f := &flood{address: gateway.address, ends: time.Now().Add(b.flood)}
	if err := f.run(ctx, b.logins); err != nil {
		return nil, err
	}

	_, peak, err := memory.read()
	if err != nil {
		return nil, err
	}

	return f.lines(b, peak-idle), nil
}

// flood is the measurement of one flood.
type flood struct {
	address string
	ends    time.Time

	mu       sync.Mutex
	answered map[int]int // by status
	refused  sample      // the waits of refused requests
	verify   sample
	honest   struct{ asked, done int }
}

func (f *flood) run(ctx context.Context, n int) error {
	f.answered = map[int]int{}

	var (
		group sync.WaitGroup
		errs  = make([]error, n+2)
	)

	ctx, cancel := context.WithDeadline(ctx, f.ends)
	defer cancel()

	// Before the flood begins: a user whose session is checked continuously.
	guest, err := f.guest(ctx, n)
	if err != nil {
		return err
	}

	for i := range n {
		group.Go(func() { errs[i] = f.attack(ctx, i) })
	}

	group.Go(func() { errs[n] = f.every(ctx, 20*time.Millisecond, func() error { return f.look(guest) }) })
	group.Go(func() { errs[n+1] = f.every(ctx, time.Second, func() error { return f.signIn(n) }) })
	group.Wait()

	return errors.Join(errs...)
}

// attack signs in on one connection until the end: every second worker with the right password of its own account, the
// others with an unknown address or a long wrong password.
func (f *flood) attack(ctx context.Context, worker int) error {
	conn, err := dial(f.address)
	if err != nil {
		return err
	}
	defer conn.close()

	form := url.Values{"email": {email(worker)}, "password": {secret}}

	switch worker % 4 {
	case 1:
		form.Set("email", "unknown"+strconv.Itoa(worker)+"@bench.test")
	case 3:
		form.Set("password", strings.Repeat("x", 1024))
	}

	request := from(fmt.Sprintf("203.0.113.%d", worker%floodNetworks), loginRequestOf(form))

	for ctx.Err() == nil {
		start := time.Now()

		status, _, err := conn.do(request)
		if err != nil {
			return fmt.Errorf("flood: %w", err)
		}

		f.mu.Lock()
		f.answered[status]++

		if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
			f.refused.times = append(f.refused.times, time.Since(start))
		}
		f.mu.Unlock()
	}

	return nil
}

// guest is a signed-in browser.
func (f *flood) guest(ctx context.Context, accounts int) (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}

	// The gateway's cookies require TLS; the jar gets an https address.
	guest := &http.Client{Jar: jar, Transport: overTLS{}}

	loaded, err := guest.Get("https://" + f.address + "/")
	if err != nil {
		return nil, err
	}

	loaded.Body.Close()

	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+f.address+"/login",
		strings.NewReader(`{"email":"`+email(accounts-1)+`","password":"`+secret+`"}`))
	if err != nil {
		return nil, err
	}

	request.Header.Set("Content-Type", "application/json")

	for _, cookie := range jar.Cookies(request.URL) {
		if cookie.Name == "XSRF-TOKEN" {
			request.Header.Set("X-XSRF-TOKEN", cookie.Value)
		}
	}

	response, err := guest.Do(request)
	if err != nil {
		return nil, err
	}

	response.Body.Close()

	if response.StatusCode != http.StatusNoContent {
		return nil, fmt.Errorf("sign in before the flood: %s", response.Status)
	}

	return guest, nil
}

// overTLS sends requests for https without TLS.
type overTLS struct{}

func (overTLS) RoundTrip(r *http.Request) (*http.Response, error) {
	plain := r.Clone(r.Context())
	plain.URL.Scheme = "http"

	return http.DefaultTransport.RoundTrip(plain)
}

func (f *flood) every(ctx context.Context, pause time.Duration, do func() error) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()

	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := do(); err != nil {
				return err
			}
		}
	}
}

func (f *flood) look(guest *http.Client) error {
	start := time.Now()

	response, err := guest.Get("https://" + f.address + "/verify")
	if err != nil {
		return err
	}

	response.Body.Close()

	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("verify: %s", response.Status)
	}

	f.verify.times = append(f.verify.times, time.Since(start))

	return nil
}

// signIn is the legitimate user's, from another network.
func (f *flood) signIn(accounts int) error {
	conn, err := dial(f.address)
	if err != nil {
		return err
	}
	defer conn.close()

	status, _, err := conn.do(from("198.51.100.7", loginRequest(accounts-2)))
	if err != nil {
		return fmt.Errorf("honest sign-in: %w", err)
	}

	f.honest.asked++

	if status == http.StatusOK {
		f.honest.done++
	}

	return nil
}

func (f *flood) lines(b *bench, grown int64) []line {
	var (
		limit   = int64(permits())*floodHash + floodRest
		judged  = f.answered[http.StatusOK] + f.answered[http.StatusUnauthorized]
		rate    = float64(judged) / b.flood.Seconds()
		refused = f.refused.sorted()
		verify  = f.verify.sorted()
		honest  = float64(f.honest.done) / float64(max(1, f.honest.asked))
		work    = fmt.Sprintf("flood of %d sign-ins, %s: ", b.logins, b.flood)
	)

	return []line{
		{
			work: work + "memory", result: fmt.Sprintf("idle + %.0f MiB", float64(grown)/mebibyte),
			target: fmt.Sprintf("≤ idle + %d MiB", limit/mebibyte), held: grown <= limit,
		},
		{
			work: work + "passwords judged", measured: fmt.Sprintf("answers by status: %v", f.answered), result: fmt.Sprintf("%.0f/s", rate),
			target: fmt.Sprintf("≥ %d/s", floodRate), held: rate >= floodRate,
		},
		{
			work: work + "the others are refused", result: "p99 " + milliseconds(refused.quantile(0.99)),
			target: "≤ " + milliseconds(floodRefused), held: refused.quantile(0.99) <= floodRefused,
		},
		{
			work: work + "`GET /verify`", measured: fmt.Sprintf("p50 %s", milliseconds(verify.quantile(0.5))),
			result: "p99 " + milliseconds(verify.quantile(0.99)), target: "≤ " + milliseconds(floodQuick),
			held: verify.quantile(0.99) <= floodQuick,
		},
		{
			work: work + "a user from another network signs in once a second", measured: fmt.Sprintf("%d of %d", f.honest.done, f.honest.asked),
			result: fmt.Sprintf("%.0f %%", 100*honest), target: fmt.Sprintf("≥ %.0f %%", 100*floodHonest), held: honest >= floodHonest,
		},
	}
}
