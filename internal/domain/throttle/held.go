package throttle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
)

// Kind is what a limit holds.
type Kind string

// The kinds. An account that has sent too much is a user.
const (
	User        Kind = "user"
	Network     Kind = "network"
	Destination Kind = "destination"
)

// Held is a limit that refuses a subject at this moment.
type Held struct {
	Limit   string
	Subject string
	Used    int32
	Max     int32 // 0 for failures in a row
	Until   time.Time
	Kind    Kind

	// Of failures in a row.
	Factor string
	Places []string // the kinds of the places that wait
	// Of a user who has an account; empty otherwise.
	AccountID, Email string
}

// Held returns the users who have to wait before the next attempt with a factor, the longest wait first.
func (f *Failures) Held(ctx context.Context, tx db.DBTX, most int32) ([]Held, error) {
	now := f.now()

	rows, err := db.New(tx).FailureHeld(ctx, db.FailureHeldParams{Now: now, EndsAfter: now.Add(forgetAfter - max(f.backoff.First, f.backoff.Longest)), Most: most})
	if err != nil {
		return nil, fmt.Errorf("list failures: %w", err)
	}

	list := make([]Held, len(rows))
	for i, row := range rows {
		list[i] = Held{
			Kind: User, Limit: inARow, Subject: row.Factor + " " + row.Person, Used: row.Count, Until: row.Until,
			Factor: row.Factor, Places: row.Places, AccountID: row.AccountID, Email: row.Email,
		}
	}

	return list, nil
}

// HeldBy returns the subjects that have used up one of the limits, the longest wait first. It also returns those of the
// networks that a limit of one sender and of the wider networks around it refuses.
func HeldBy(ctx context.Context, tx db.DBTX, now time.Time, most int32, limits []Limit, networks []NetworkLimit) ([]Held, error) {
	params := db.ThrottleHeldParams{Now: now, Most: most}
	add := func(name, widths string, limit int32) {
		params.Names, params.Widths, params.Limits = append(params.Names, name), append(params.Widths, widths), append(params.Limits, limit)
	}

	for _, limit := range limits {
		add(limit.Name, "any", limit.Max)
	}

	for _, network := range networks {
		for i, widths := range tierWidths {
			add(network.Name, widths, times(network.Most, shares[i]))
		}
	}

	rows, err := db.New(tx).ThrottleHeld(ctx, params)
	if err != nil {
		return nil, fmt.Errorf("list limits: %w", err)
	}

	list := make([]Held, len(rows))
	for i, row := range rows {
		list[i] = Held{
			Kind: Destination, Limit: row.Name, Subject: strings.TrimPrefix(row.Key, row.Name+" "), Used: row.Count, Max: row.Limit, Until: row.EndsAt,
			Email: row.Email,
		}

		switch {
		case row.Email != "":
			list[i].Kind, list[i].AccountID = User, list[i].Subject
		case slices.ContainsFunc(networks, func(one NetworkLimit) bool { return one.Name == row.Name }):
			list[i].Kind = Network
		}
	}

	return list, nil
}

// tierWidths are the widths of the networks of each tier, as the query compares them.
var tierWidths = [...]string{",64", "24,56", "48"}

// ForgetFactor forgets the failures of a user with one factor at all places.
func ForgetFactor(ctx context.Context, tx db.DBTX, factor, person string) error {
	err := db.New(tx).FailureForgetFactor(ctx, db.FailureForgetFactorParams{Person: &person, Factor: factor})
	if err != nil {
		return fmt.Errorf("forget failures: %w", err)
	}

	return nil
}

// InARow is the name of the limit of a user's failures: its subject is the factor and the user.
const InARow = inARow

// NetworkLimits returns the limit of failures of a network.
func (f *Failures) NetworkLimits() NetworkLimit { return f.network() }
