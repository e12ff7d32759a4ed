package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/konec/toolkit-gateway/internal/domain/password"
)

const (
	meTarget      = 0.80
	refreshTarget = 0.80
	loginTarget   = 0.93
	// slowestTarget is how many times the floor's 99th percentile ours may be.
	slowestTarget = 2.0
)

func measureMe(ctx context.Context, b *bench) ([]line, error) {
	return b.besideFloor(ctx, "me", "`GET "+mePath+"`", jwt.SigningMethodHS256, meTarget, (*client).ask)
}

// measureRefresh compares a refresh with the cheapest floor, and with one whose tokens other back ends can verify, too: the
// difference is what that signature costs.
func measureRefresh(ctx context.Context, b *bench) ([]line, error) {
	cheapest, err := b.besideFloor(ctx, "refresh", "`POST "+refreshPath+"`", jwt.SigningMethodHS256, refreshTarget, (*client).renew)
	if err != nil {
		return nil, err
	}

	equal, err := b.besideFloor(ctx, "refresh_signed", "`POST "+refreshPath+"`", jwt.SigningMethodEdDSA, refreshTarget, (*client).renew)

	return append(cheapest, equal...), err
}

// besideFloor compares the gateway with the floor, each with its own half of the sessions.
func (b *bench) besideFloor(
	ctx context.Context, name, work string, method jwt.SigningMethod, target float64, operation func(*client, *connection) error,
) (_ []line, err error) {
	if err := b.database.create(ctx, name, 2*b.sessions, 1, b.say); err != nil {
		return nil, err
	}

	gateway, err := b.gatewayOn(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = join(err, gateway.stop()) }()

	floor, err := b.floorOn(ctx, name, method)
	if err != nil {
		return nil, err
	}
	defer func() { err = join(err, floor.stop()) }()

	ours, err := b.newClients(ctx, gateway, numbers(b.sessions, 0, b.sessions))
	if err != nil {
		return nil, err
	}

	theirs, err := b.newClients(ctx, floor, numbers(b.sessions, b.sessions, b.sessions))
	if err != nil {
		return nil, err
	}

	c, err := compare(ctx, b.rounds, b.slice, gateway.with(ours.side(operation)), floor.with(theirs.side(operation)))
	if err != nil {
		return nil, err
	}

	return []line{{
		work: work, measured: describe(c.ours), beside: "floor with " + method.Alg() + ": " + describe(c.theirs),
		result: fmt.Sprintf("%.2f of the floor, p99 %.1f times that", c.ratio, c.slowest),
		target: fmt.Sprintf("≥ %.2f, p99 ≤ %.1f", target, slowestTarget), held: c.ratio >= target && c.slowest <= slowestTarget,
	}}, nil
}

// loginSlices makes the slices of sign-ins longer: there are few in a second.
const loginSlices = 2

func measureLogin(ctx context.Context, b *bench) (_ []line, err error) {
	const name = "login"
	if err := b.database.create(ctx, name, b.sessions, 1, b.say); err != nil {
		return nil, err
	}

	gateway, err := b.gatewayOn(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = join(err, gateway.stop()) }()

	workers := permits() * max(1, b.connections/2) // so that a request always waits for a slot
	next := make([]int, workers)

	ours := onConnections(gateway.address, workers, func(worker int, conn *connection) error {
		next[worker]++
		account := (worker + next[worker]*workers) % b.sessions
		_, err := conn.want(loginRequest(account))

		return err
	})

	c, err := compare(ctx, b.rounds, loginSlices*b.slice, gateway.with(ours), b.hashing)
	if err != nil {
		return nil, err
	}

	return []line{{
		work: "`POST " + loginPath + "`", measured: describe(c.ours),
		beside: fmt.Sprintf("hashing alone, %d at once: %s", permits(), describe(c.theirs)),
		result: fmt.Sprintf("%.2f of the hashing", c.ratio), target: fmt.Sprintf("≥ %.2f", loginTarget), held: c.ratio >= loginTarget,
	}}, nil
}

const (
	hashRole  = "hash"
	hashSlice = "BENCH_SLICE"
)

// hashing is a slice of hashing only, in a separate process.
func (b *bench) hashing(ctx context.Context, length time.Duration) (sample, error) {
	s, line, err := b.ourselves(ctx, hashRole, hashSlice+"="+length.String())
	if err != nil {
		return sample{}, err
	}

	if err := s.stop(); err != nil {
		return sample{}, err
	}

	var times []time.Duration
	if err := json.Unmarshal([]byte(line), &times); err != nil {
		return sample{}, fmt.Errorf("hashing: %w", err)
	}

	return sample{times: times, elapsed: length - length/leadIn}, nil
}

// runHashing verifies a password repeatedly, as many at once as the gateway does, and prints the duration of each.
func runHashing(ctx context.Context) error {
	length, err := time.ParseDuration(os.Getenv(hashSlice))
	if err != nil {
		return err
	}

	hasher, err := password.NewHasher(permits(), password.Standard)
	if err != nil {
		return err
	}

	stored, err := hasher.Hash(ctx, secret)
	if err != nil {
		return err
	}

	workers := make([]func() error, permits())
	for i := range workers {
		workers[i] = func() error {
			match, _, err := hasher.Verify(ctx, stored, secret)
			if err == nil && !match {
				err = errors.New("the password does not match")
			}

			return err
		}
	}

	s, err := drive(ctx, length, workers)
	if err != nil {
		return err
	}

	return json.NewEncoder(os.Stdout).Encode(s.times)
}
