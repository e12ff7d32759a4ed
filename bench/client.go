package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

const (
	loginPath   = "/api/auth/login"
	refreshPath = "/api/auth/refresh"
	mePath      = "/api/users/me"
)

// clients are the sessions of one side, divided among the workers: one connection at a time uses a session, as in an
// app.
type clients struct {
	address string
	hands   [][]*client
}

type client struct {
	refresh string // the newest refresh token
	access  string // the newest access token
	me      []byte // the request for it
}

// newClients exchanges the refresh tokens of the numbered sessions, which must be in their first generation, so that
// each has an access token.
func (b *bench) newClients(ctx context.Context, s *server, sessions []int) (*clients, error) {
	master, err := keyring.Parse(b.masterKey)
	if err != nil {
		return nil, err
	}

	derive := token.NewRefresh(master)
	c := &clients{address: s.address, hands: make([][]*client, b.connections)}

	for i, session := range sessions {
		hand := &c.hands[i%b.connections]
		*hand = append(*hand, &client{refresh: derive.Derive(sessionID(session), 0)})
	}

	return c, c.each(func(conn *connection, hand []*client) error {
		for _, one := range hand {
			if err := one.renew(conn); err != nil {
				return err
			}
		}

		return ctx.Err()
	})
}

// numbers returns n numbers spread evenly below total, beginning with first.
func numbers(n, first, total int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = first + i*(total/n)
	}

	return list
}

func (c *clients) each(run func(*connection, []*client) error) error {
	errs := make(chan error, len(c.hands))

	for _, hand := range c.hands {
		go func() {
			conn, err := dial(c.address)
			if err != nil {
				errs <- err

				return
			}
			defer conn.close()

			errs <- run(conn, hand)
		}()
	}

	var all error
	for range c.hands {
		all = join(all, <-errs)
	}

	return all
}

func (c *client) renew(conn *connection) error {
	body, err := conn.want(post(refreshPath, "application/json", `{"refresh_token":"`+c.refresh+`"}`))
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}

	var tokens api.Tokens
	if err := json.Unmarshal(body, &tokens); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}

	c.refresh, c.access, c.me = tokens.RefreshToken, tokens.AccessToken, get(mePath, tokens.AccessToken)

	return nil
}

func (c *client) ask(conn *connection) error {
	if _, err := conn.want(c.me); err != nil {
		return fmt.Errorf("me: %w", err)
	}

	return nil
}

// side runs one operation repeatedly, each connection over its share of the sessions.
func (c *clients) side(operation func(*client, *connection) error) side {
	next := make([]int, len(c.hands))

	return onConnections(c.address, len(c.hands), func(worker int, conn *connection) error {
		hand := c.hands[worker]
		next[worker]++

		return operation(hand[next[worker]%len(hand)], conn)
	})
}

// onConnections runs work on connections that live as long as a slice.
func onConnections(address string, n int, work func(worker int, conn *connection) error) side {
	return func(ctx context.Context, length time.Duration) (sample, error) {
		workers := make([]func() error, n)

		for i := range workers {
			conn, err := dial(address)
			if err != nil {
				return sample{}, err
			}
			defer conn.close()

			workers[i] = func() error { return work(i, conn) }
		}

		return drive(ctx, length, workers)
	}
}

func loginRequest(account int) []byte {
	return loginRequestOf(url.Values{"email": {email(account)}, "password": {secret}})
}

func loginRequestOf(form url.Values) []byte {
	return post(loginPath, "application/x-www-form-urlencoded", form.Encode())
}
