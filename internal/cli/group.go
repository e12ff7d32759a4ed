package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/group"
)

// The commands about member groups.
type (
	groupCommand struct {
		List groupListCommand `cmd:"" default:"1" help:"List the member groups, their rights, and whether they ask for two factors."`
		Set  groupSetCommand  `cmd:"" help:"Change a member group, effective from the next request of its members. What is not given stays."`
	}
	groupListCommand struct{}
	groupSetCommand  struct {
		Name         string  `arg:"" help:"Name of the group."`
		Rights       *string `help:"Rights of its members, separated by commas; empty for none."`
		RequiresTOTP *bool   `name:"requires-totp" negatable:"" help:"Whether its members need two factors to sign in."`
	}
)

// Run lists the groups.
func (groupListCommand) Run(ctx context.Context, i invocation) error {
	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		groups, err := a.Groups.List(ctx)
		if err != nil {
			return err
		}

		for _, one := range groups {
			fmt.Println(describeGroup(one))
		}

		return nil
	})
}

func describeGroup(g group.Group) string {
	factors := "one factor"
	if g.RequiresTOTP {
		factors = "two factors"
	}

	rights := g.Rights.String()
	if rights == "" {
		rights = "no rights"
	}

	return fmt.Sprintf("%s: %s, %s", g.Name, factors, rights)
}

// Run changes a group.
func (command groupSetCommand) Run(ctx context.Context, i invocation) error {
	if command.Rights == nil && command.RequiresTOTP == nil {
		return errors.New("nothing to change: give --rights, --requires-totp or --no-requires-totp")
	}

	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		groups, err := a.Groups.List(ctx)
		if err != nil {
			return err
		}

		at := slices.IndexFunc(groups, func(g group.Group) bool { return g.Name == command.Name })
		if at < 0 {
			names := make([]string, len(groups))
			for i, one := range groups {
				names[i] = one.Name
			}

			return fmt.Errorf("there is no such member group; the groups are %s", strings.Join(names, ", "))
		}

		wanted := groups[at]
		if command.RequiresTOTP != nil {
			wanted.RequiresTOTP = *command.RequiresTOTP
		}

		if command.Rights != nil {
			if wanted.Rights, err = parseRights(*command.Rights); err != nil {
				return err
			}
		}

		return watchAdministrators(ctx, a, func() error {
			changed, err := a.Groups.Change(ctx, authority.Change{
				Actor: authority.Operator(), Target: authority.Target{ID: command.Name, Version: &groups[at].Version},
			}, wanted)
			if err != nil {
				return explained(err)
			}

			fmt.Println(describeGroup(changed))

			return nil
		})
	})
}

// parseRights returns the rights of a list, or an error that names an unknown one.
func parseRights(list string) (authority.Rights, error) {
	rights := authority.Rights{}

	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)

		switch right := authority.Right(text); {
		case text == "":
		case !authority.All.Has(right) || right == authority.Any:
			return nil, fmt.Errorf("--rights: %q is not a right; the rights are %s", text, strings.Join(authority.All.Texts(), ", "))
		case !rights.Has(right):
			rights = append(rights, right)
		}
	}

	return rights, nil
}
