package convert

import (
	"github.com/oapi-codegen/nullable"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
)

// recordVersion is the version of SignInRecord's form.
const recordVersion = "1"

// LastSignIn returns the document's SignInRecord, or null if there was no sign-in.
func LastSignIn(last audit.SignIn, found bool, places *geo.Locator, in language.Language) nullable.Nullable[api.SignInRecord] {
	if !found {
		return nullable.NewNullNullable[api.SignInRecord]()
	}

	return nullable.NewNullableWithValue(SignIn(last, places, in))
}

// SignIn returns the document's SignInRecord.
func SignIn(one audit.SignIn, places *geo.Locator, in language.Language) api.SignInRecord {
	record := api.SignInRecord{
		Timestamp: Time(one.At), UserAgent: one.UserAgent, Detail: Location(places, one.Address, in),
	}
	record.Metadata.ClientIP = Address(one.Address)
	record.Metadata.Version = recordVersion
	record.Metadata.Source = one.Method

	return record
}

// LarkProfile returns null if no one at Lark is bound.
func LarkProfile(person *lark.Person) nullable.Nullable[api.LarkProfile] {
	if person == nil {
		return nullable.NewNullNullable[api.LarkProfile]()
	}

	return nullable.NewNullableWithValue(api.LarkProfile{
		OpenID: person.OpenID, Name: person.Name, EnName: orAbsent(person.EnName), AvatarURL: orAbsent(person.AvatarURL),
	})
}

// orAbsent omits a member without a value.
func orAbsent(s string) *string {
	if s == "" {
		return nil
	}

	return &s
}

// Suspended returns the names of suspended factors.
func Suspended(factors []profile.Undoable) []api.SuspendableFactor {
	names := make([]api.SuspendableFactor, len(factors))
	for i, what := range factors {
		names[i] = api.SuspendableFactor(what)
	}

	return names
}
