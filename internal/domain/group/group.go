// Package group owns the member groups: the rights of their members beyond their own account, and whether they need a
// second factor. Package account owns who is in which group. It enforces one rule so that no right is lost for good: there
// is always someone who can sign in and administer.
package group

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

const (
	// None is the group of a new account, until an administrator assigns another.
	None = "None"
	// Admin is the group that has every right at first.
	Admin = "Admin"
)

// The errors.
var (
	ErrNotFound = problem.New(problem.NotFound, "GROUP_NOT_FOUND")
	ErrTaken    = problem.New(problem.Conflict, "GROUP_TAKEN")
	ErrInUse    = problem.New(problem.Conflict, "GROUP_IN_USE")
	// ErrNewAccounts refuses rights and a second factor for None: everyone who registers would have them.
	ErrNewAccounts       = problem.New(problem.Conflict, "GROUP_FOR_NEW_ACCOUNTS")
	ErrLastAdministrator = problem.New(problem.Conflict, "LAST_ADMINISTRATOR")
)

// Group is a member group.
type Group struct {
	Name         string
	Description  string
	Rights       authority.Rights
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

// New returns Groups.
func New(database *postgres.DB, now func() time.Time) *Groups { return &Groups{db: database, now: now} }

// List returns every group, by name.
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

// Rights returns the rights of a session's user, and whether it was opened with as many factors as that user is asked
// for: otherwise they may not be used.
func (g *Groups) Rights(ctx context.Context, sessionID string) (rights authority.Rights, enough bool, err error) {
	row, err := postgres.Get(ctx, g.db, func(ctx context.Context, conn *pgxpool.Conn) (db.MemberGroupRightsOfSessionRow, error) {
		return db.New(conn).MemberGroupRightsOfSession(ctx, sessionID)
	})
	if err != nil && !postgres.IsNotFound(err) {
		return nil, false, fmt.Errorf("rights of a session: %w", err)
	}

	return authority.RightsOf(row.Rights), row.Enough, nil
}

// Create creates a group. An actor cannot grant a right that the actor does not have.
func (g *Groups) Create(ctx context.Context, c authority.Change, wanted Group) (Group, error) {
	return authority.Once(ctx, g.db, g.now(), c, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) (Group, error) {
		if !rights.Include(wanted.Rights) {
			return Group{}, problem.ErrRightMissing
		}

		row, err := db.New(tx).MemberGroupCreate(ctx, db.MemberGroupCreateParams{
			Name: wanted.Name, Description: wanted.Description, Rights: wanted.Rights.Texts(), RequiresTOTP: wanted.RequiresTOTP,
			Now: g.now(),
		})
		if postgres.IsNotFound(err) {
			return Group{}, ErrTaken
		} else if err != nil {
			return Group{}, fmt.Errorf("create group: %w", err)
		}

		return fromRow(db.MemberGroupByNameRow(row)), g.record(ctx, tx, c.Actor, audit.GroupCreated, wanted.Name, map[string]string{
			"rights": wanted.Rights.String(), "requiresTotp": fmt.Sprint(wanted.RequiresTOTP),
		})
	})
}

// Change replaces the settings of a group. It takes effect with the members' next request.
func (g *Groups) Change(ctx context.Context, c authority.Change, wanted Group) (Group, error) {
	return authority.Once(ctx, g.db, g.now(), c, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) (Group, error) {
		before, err := g.find(ctx, tx, c.Target)
		if err != nil {
			return Group{}, err
		}

		if !rights.Include(before.Rights) || !rights.Include(wanted.Rights) {
			return Group{}, problem.ErrRightMissing
		}

		if before.Name == None && (len(wanted.Rights) > 0 || wanted.RequiresTOTP) {
			return Group{}, ErrNewAccounts
		}

		var row db.MemberGroupChangeRow

		err = KeepAdministrator(ctx, tx, c.Actor, func() (err error) {
			row, err = db.New(tx).MemberGroupChange(ctx, db.MemberGroupChangeParams{
				Name: before.Name, Version: before.Version, Description: wanted.Description, Rights: wanted.Rights.Texts(),
				RequiresTOTP: wanted.RequiresTOTP, Now: g.now(),
			})

			return err
		})
		if postgres.IsNotFound(err) {
			return Group{}, problem.ErrVersionConflict
		} else if err != nil {
			return Group{}, fmt.Errorf("change group: %w", err)
		}

		return fromRow(db.MemberGroupByNameRow(row)), g.record(ctx, tx, c.Actor, audit.GroupChanged, before.Name, map[string]string{
			"rightsBefore": before.Rights.String(), "rights": wanted.Rights.String(), "requiresTotp": fmt.Sprint(wanted.RequiresTOTP),
		})
	})
}

// Delete deletes a group that has no members.
func (g *Groups) Delete(ctx context.Context, c authority.Change) error {
	if c.Target.ID == None {
		return ErrInUse
	}

	event := audit.Event{Action: audit.GroupDeleted, ActorID: c.Actor.AccountID, Subject: c.Target.ID}

	return authority.Recorded(ctx, g.db, g.now(), c.Actor, &event, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) error {
		before, err := g.find(ctx, tx, c.Target)
		if err != nil {
			return err
		}

		if !rights.Include(before.Rights) {
			return problem.ErrRightMissing
		}

		deleted, err := db.New(tx).MemberGroupDelete(ctx, db.MemberGroupDeleteParams{Name: before.Name, Version: before.Version})

		switch {
		case postgres.ViolatesConstraint(err, "account_member_group_fkey"):
			return ErrInUse
		case err != nil:
			return fmt.Errorf("delete group: %w", err)
		case deleted == 0:
			return problem.ErrVersionConflict
		}

		event.Detail = map[string]string{"rights": before.Rights.String()}

		return nil
	})
}

func (g *Groups) find(ctx context.Context, tx postgres.Tx, target authority.Target) (Group, error) {
	row, err := db.New(tx).MemberGroupByName(ctx, target.ID)

	switch {
	case postgres.IsNotFound(err):
		return Group{}, ErrNotFound
	case err != nil:
		return Group{}, fmt.Errorf("look up group: %w", err)
	case !target.Expects(row.Version):
		return Group{}, problem.ErrVersionConflict
	}

	return fromRow(row), nil
}

func (g *Groups) record(
	ctx context.Context, tx postgres.Tx, who authority.Actor, action audit.Action, name string, detail map[string]string,
) error {
	return audit.Record(ctx, tx, g.now(), audit.Event{Action: action, ActorID: who.AccountID, Subject: name, Detail: detail})
}

func fromRow(row db.MemberGroupByNameRow) Group {
	return Group{
		Name: row.Name, Description: row.Description, Rights: authority.RightsOf(row.Rights), RequiresTOTP: row.RequiresTOTP,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Version: row.Version,
	}
}

// administrator are the rights that make an administrator: to help the others, and to grant rights.
var administrator = authority.Rights{authority.AccountsWrite, authority.GroupsWrite}

// Administered reports whether anyone can sign in and administer, with as many factors as are asked for.
func Administered(ctx context.Context, tx db.DBTX) (bool, error) {
	administered, err := db.New(tx).MemberGroupAdministered(ctx, administrator.Texts())
	if err != nil {
		return false, fmt.Errorf("look for administrators: %w", err)
	}

	return administered, nil
}

// Administered reports the same outside a change.
func (g *Groups) Administered(ctx context.Context) (bool, error) {
	return postgres.Get(ctx, g.db, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) { return Administered(ctx, conn) })
}

// KeepAdministrator runs a change, and returns ErrLastAdministrator if there was an administrator before and none is left.
// Operators may do it all the same. The transaction holds authority.Lock.
func KeepAdministrator(ctx context.Context, tx postgres.Tx, actor authority.Actor, change func() error) error {
	before, err := Administered(ctx, tx)
	if err != nil {
		return err
	}

	if err := change(); err != nil || !before || actor.IsOperator() {
		return err
	}

	after, err := Administered(ctx, tx)
	if err == nil && !after {
		return ErrLastAdministrator
	}

	return err
}

// HasAdministrator reports whether there is an active account that can grant rights, whether or not its user has all the
// factors that are asked for: the commands of an operator help that user, a second first administrator does not.
func HasAdministrator(ctx context.Context, tx db.DBTX) (bool, error) {
	populated, err := db.New(tx).MemberGroupPopulated(ctx, string(authority.Administer))
	if err != nil {
		return false, fmt.Errorf("look for administrators: %w", err)
	}

	return populated, nil
}
