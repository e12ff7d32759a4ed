// Package convert converts what the domain returns into the document's forms, for the surfaces that
// share them. It decides nothing.
package convert

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/oapi-codegen/nullable"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/signin"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/language"
)

// timestamp is ISO 8601 in UTC with exactly three decimals.
const timestamp = "2006-01-02T15:04:05.000Z"

// Time is the document's Timestamp.
func Time(t time.Time) api.Timestamp { return t.UTC().Format(timestamp) }

// TimeOrNull returns null for nil.
func TimeOrNull(t *time.Time) nullable.Nullable[api.TimestampOrNull] {
	if t == nil {
		return nullable.NewNullNullable[api.TimestampOrNull]()
	}

	return nullable.NewNullableWithValue(Time(*t))
}

// Address returns an empty text for an unknown address.
func Address(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}

	return address.String()
}

// Confirmation returns what a signed-in user confirms a session with.
func Confirmation(c api.Confirmation) signin.Confirmation {
	return signin.Confirmation{Password: Text(c.Password), Code: Text(c.Totp)}
}

// Location returns the document's Location of an address, with names in the reader's language.
func Location(places *geo.Locator, address netip.Addr, in language.Language) api.Location {
	var location api.Location

	country, city := places.Locate(address, in)
	if country != "" {
		location.Country = &country
	}

	if city != "" {
		location.City = &city
	}

	return location
}

// Sessions returns the document's SessionsResponse. current is the id of the caller's own session.
func Sessions(list []session.Session, current string, places *geo.Locator, in language.Language) api.SessionsResponse {
	response := api.SessionsResponse{Success: true, Sessions: make([]api.Session, len(list))}

	for i, one := range list {
		response.Sessions[i] = api.Session{
			ID:        one.ID,
			Surface:   api.SessionSurface(one.Surface),
			Device:    one.Device,
			Label:     one.Label,
			Client:    one.Client,
			Address:   Address(one.Address),
			Location:  Location(places, one.Address, in),
			CreatedAt: Time(one.CreatedAt),
			SeenAt:    Time(one.SeenAt),
			ExpiresAt: Time(one.ExpiresAt),
			Current:   one.ID == current,
		}
	}

	return response
}

// Devices returns the document's DevicesResponse.
func Devices(list []device.Device, places *geo.Locator, in language.Language) api.DevicesResponse {
	response := api.DevicesResponse{Success: true, Devices: make([]api.Device, len(list))}

	for i, one := range list {
		response.Devices[i] = api.Device{
			ID: one.ID, Name: one.Name, Label: one.Label, Address: Address(one.Address), Location: Location(places, one.Address, in),
			CreatedAt: Time(one.CreatedAt), SeenAt: Time(one.SeenAt), Current: one.Current, TrustedUntil: TimeOrNull(one.TrustedUntil),
		}
	}

	return response
}

// Email returns the normal form of an address that the validator has accepted.
func Email(s string) (string, error) {
	email, err := account.ParseEmail(s)
	if err != nil {
		return "", fmt.Errorf("validated e-mail: %w", err)
	}

	return email, nil
}

// Text returns an empty text for an absent member.
func Text(member *string) string {
	if member == nil {
		return ""
	}

	return *member
}
