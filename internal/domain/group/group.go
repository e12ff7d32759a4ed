// Package group owns the member groups: what their members may do beyond their own account (rights), and
// whether they need a second factor. Who is in which group is package account's business. It keeps the one
// rule that no right may be lost for good: somebody who may sign in can always give rights to others.
package group

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

const (
	// None is the group of a new account, until an administrator assigns another.
	None = "None"
	// Admin is the group that has every right to begin with.
	Admin = "Admin"
)

// The failures.
var (
	ErrNotFound          = problem.New(problem.NotFound, "GROUP_NOT_FOUND")
	ErrTaken             = problem.New(problem.Conflict, "GROUP_TAKEN")
	ErrInUse             = problem.New(problem.Conflict, "GROUP_IN_USE")
	ErrLastAdministrator = problem.New(problem.Conflict, "LAST_ADMINISTRATOR")
)

// Group is a member group.
type Group struct {
	Name         string
	Description  string
	Rights       Rights
	RequiresTOTP bool
	CreatedAt    time.Time
	UpdatedAt    time.Time
	Version      int32 // 0 at creation, one more at each change
}

// Groups lists and changes the groups.
type Groups struct {
	db  *postgres.DB
	now func() time.Time
}

// New makes Groups.
func New(database *postgres.DB, now func() time.Time) *Groups { return &Groups{db: database, now: now} }

// List answers every group, by name.
func (g *Groups) List(ctx context.Context) ([]Group, error) {
	rows, err := postgres.Get(ctx, g.db, func(ctx context.Context, conn *pgxpool.Conn) ([]db.MemberGroupListRow, error) {
		return db.New(conn).MemberGroupList(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}

	groups := make([]Group, len(rows))
	for i, row := range rows {
		groups[i] = fromRow(db.MemberGroupByNameRow(row))
	}

	return groups, nil
}

// Names returns the names of all groups, in order.
func (g *Groups) Names(ctx context.Context) (names []string, err error) {
	err = g.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		names, err = db.New(conn).MemberGroupNames(ctx)

		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the names of groups: %w", err)
	}

	return names, nil
}

// Rights answers what the members of a group may do. A group that is gone has none.
func (g *Groups) Rights(ctx context.Context, name string) (Rights, error) {
	rights, err := postgres.Get(ctx, g.db, func(ctx context.Context, conn *pgxpool.Conn) ([]string, error) {
		return db.New(conn).MemberGroupRights(ctx, name)
	})
	if err != nil && !postgres.IsNotFound(err) {
		return nil, fmt.Errorf("rights of a group: %w", err)
	}

	return RightsOf(rights), nil
}

// Create makes a group. Nobody gives it a right that they do not have.
func (g *Groups) Create(ctx context.Context, who Administrator, key idempotency.Key, wanted Group) (Group, error) {
	if !who.Rights.Include(wanted.Rights) {
		return Group{}, problem.ErrRightMissing
	}

	return idempotency.Once(ctx, g.db, g.now(), key, func(ctx context.Context, tx postgres.Tx) (Group, error) {
		row, err := db.New(tx).MemberGroupCreate(ctx, db.MemberGroupCreateParams{
			Name: wanted.Name, Description: wanted.Description, Rights: wanted.Rights.texts(), RequiresTOTP: wanted.RequiresTOTP,
			Now: g.now(),
		})
		if postgres.IsNotFound(err) {
			return Group{}, ErrTaken
		} else if err != nil {
			return Group{}, fmt.Errorf("create group: %w", err)
		}

		return fromRow(db.MemberGroupByNameRow(row)), g.record(ctx, tx, who, audit.GroupCreated, wanted.Name, map[string]string{
			"rights": wanted.Rights.String(), "requiresTotp": fmt.Sprint(wanted.RequiresTOTP),
		})
	})
}

// Change replaces what a group of that version says. It counts from the members' next request on.
func (g *Groups) Change(ctx context.Context, who Administrator, key idempotency.Key, wanted Group) (Group, error) {
	return idempotency.Once(ctx, g.db, g.now(), key, func(ctx context.Context, tx postgres.Tx) (Group, error) {
		if err := Lock(ctx, tx); err != nil {
			return Group{}, err
		}

		before, err := g.find(ctx, tx, wanted.Name, wanted.Version)
		if err != nil {
			return Group{}, err
		}

		if !who.Rights.Include(before.Rights) || !who.Rights.Include(wanted.Rights) {
			return Group{}, problem.ErrRightMissing
		}

		row, err := db.New(tx).MemberGroupChange(ctx, db.MemberGroupChangeParams{
			Name: wanted.Name, Version: wanted.Version, Description: wanted.Description, Rights: wanted.Rights.texts(),
			RequiresTOTP: wanted.RequiresTOTP, Now: g.now(),
		})
		if postgres.IsNotFound(err) {
			return Group{}, problem.ErrVersionConflict
		} else if err != nil {
			return Group{}, fmt.Errorf("change group: %w", err)
		}

		if before.Rights.Has(Administer) {
			if err := EnsureAdministrator(ctx, tx); err != nil {
				return Group{}, err
			}
		}

		return fromRow(db.MemberGroupByNameRow(row)), g.record(ctx, tx, who, audit.GroupChanged, wanted.Name, map[string]string{
			"rightsBefore": before.Rights.String(), "rights": wanted.Rights.String(), "requiresTotp": fmt.Sprint(wanted.RequiresTOTP),
		})
	})
}

// Delete removes a group of that version that nobody is in.
func (g *Groups) Delete(ctx context.Context, who Administrator, name string, version int32) error {
	if name == None {
		return ErrInUse
	}

	now := g.now()

	event := audit.Event{Action: audit.GroupDeleted, ActorID: who.AccountID, Subject: name}

	done := func(ctx context.Context, tx postgres.Tx) (bool, error) { return audit.Recorded(ctx, tx, now, event) }

	return g.db.Once(ctx, done, func(ctx context.Context, tx postgres.Tx) error {
		before, err := g.find(ctx, tx, name, version)
		if err != nil {
			return err
		}

		if !who.Rights.Include(before.Rights) {
			return problem.ErrRightMissing
		}

		deleted, err := db.New(tx).MemberGroupDelete(ctx, db.MemberGroupDeleteParams{Name: name, Version: version})

		switch {
		case postgres.ViolatesConstraint(err, "account_member_group_fkey"):
			return ErrInUse
		case err != nil:
			return fmt.Errorf("delete group: %w", err)
		case deleted == 0:
			return problem.ErrVersionConflict
		}

		event.Detail = map[string]string{"rights": before.Rights.String()}

		return audit.Record(ctx, tx, now, event)
	})
}

func (g *Groups) find(ctx context.Context, tx postgres.Tx, name string, version int32) (Group, error) {
	row, err := db.New(tx).MemberGroupByName(ctx, name)

	switch {
	case postgres.IsNotFound(err):
		return Group{}, ErrNotFound
	case err != nil:
		return Group{}, fmt.Errorf("look up group: %w", err)
	case row.Version != version:
		return Group{}, problem.ErrVersionConflict
	}

	return fromRow(row), nil
}

func (g *Groups) record(
	ctx context.Context, tx postgres.Tx, who Administrator, action audit.Action, name string, detail map[string]string,
) error {
	return audit.Record(ctx, tx, g.now(), audit.Event{Action: action, ActorID: who.AccountID, Subject: name, Detail: detail})
}

func fromRow(row db.MemberGroupByNameRow) Group {
	return Group{
		Name: row.Name, Description: row.Description, Rights: RightsOf(row.Rights), RequiresTOTP: row.RequiresTOTP,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Version: row.Version,
	}
}

// Lock is taken by every change that could take the last administrator away, before it looks at anything.
func Lock(ctx context.Context, tx postgres.Tx) error {
	if _, err := db.New(tx).MemberGroupLock(ctx, string(Administer)); err != nil {
		return fmt.Errorf("lock groups: %w", err)
	}

	return nil
}

// EnsureAdministrator answers ErrLastAdministrator where nobody who may sign in could give rights any more. The transaction
// holds Lock.
func EnsureAdministrator(ctx context.Context, tx postgres.Tx) error {
	administered, err := HasAdministrator(ctx, tx)
	if err == nil && !administered {
		return ErrLastAdministrator
	}

	return err
}

// HasAdministrator says whether anybody who may sign in can give rights.
func HasAdministrator(ctx context.Context, tx db.DBTX) (bool, error) {
	populated, err := db.New(tx).MemberGroupPopulated(ctx, string(Administer))
	if err != nil {
		return false, fmt.Errorf("look for administrators: %w", err)
	}

	return populated, nil
}

// RightsOf keeps those that this version knows.
func RightsOf(texts []string) Rights {
	var rights Rights

	for _, text := range texts {
		if right := Right(text); slices.Contains(All, right) {
			rights = append(rights, right)
		}
	}

	return rights
}
