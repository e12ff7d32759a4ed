package convert

import (
	"context"
	"fmt"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
)

// SignIns returns a page of the sign-ins of an account.
func SignIns(
	ctx context.Context, log *audit.Reader, places *geo.Locator, accountID string, limit *int, cursor *string,
) (api.SignInsResponse, error) {
	before, err := CursorOf[EventCursor](cursor)
	if err != nil {
		return api.SignInsResponse{}, err
	}

	page, err := log.Find(ctx, audit.Search{
		AccountID: accountID, Action: audit.SignInSucceeded, Before: (*audit.Position)(before), Limit: Limit(limit),
	})
	if err != nil {
		return api.SignInsResponse{}, err
	}

	next, err := ToCursor((*EventCursor)(page.Next))
	if err != nil {
		return api.SignInsResponse{}, err
	}

	response := api.SignInsResponse{Success: true, SignIns: make([]api.SignInEntry, len(page.Items)), Next: next}
	for i, one := range page.Items {
		response.SignIns[i] = api.SignInEntry{
			At: Time(one.At), Method: one.Method, Device: one.UserAgent, Client: one.Client(), Address: Address(one.Address),
			Location: Location(places, one.Address, origin.From(ctx).Language),
		}
	}

	return response, nil
}

// Label returns the normal form of a name that its user gives a session or a device; nil, for an empty one, removes it.
func Label(label string) (*string, error) {
	if label == "" {
		return nil, nil //nolint:nilnil // none
	}

	name, err := account.ParseName(label)
	if err != nil {
		return nil, fmt.Errorf("validated label: %w", err)
	}

	return &name, nil
}
