package public

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// W-13, V-12: exactly the member that the key names, in either spelling; a code goes with an address only.
func TestExactlyTheNamedMember(t *testing.T) {
	t.Parallel()

	email, name, avatar, code := "new@konec.test", "New", "a/b.png", "123456"

	for what, one := range map[string]struct {
		body api.ChangeUserRequest
		want []string // the fields to blame; none: accepted
	}{
		"name":                 {api.ChangeUserRequest{Key: "Name", Name: &name}, nil},
		"lower case":           {api.ChangeUserRequest{Key: "avatar", Avatar: &avatar}, nil},
		"address":              {api.ChangeUserRequest{Key: "Email", Email: &email}, nil},
		"address and code":     {api.ChangeUserRequest{Key: "email", Email: &email, Code: &code}, nil},
		"nothing":              {api.ChangeUserRequest{Key: "Email"}, []string{"/email"}},
		"another":              {api.ChangeUserRequest{Key: "Name", Avatar: &avatar}, []string{"/avatar", "/name"}},
		"one too many":         {api.ChangeUserRequest{Key: "Avatar", Avatar: &avatar, Email: &email}, []string{"/email"}},
		"code without address": {api.ChangeUserRequest{Key: "Name", Name: &name, Code: &code}, []string{"/code"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()

			var blamed []string

			if told, refused := errors.AsType[*problem.Problem](exactly(one.body, strings.ToLower(string(one.body.Key)))); refused {
				for _, field := range told.Fields {
					blamed = append(blamed, field.Name)
				}
			}

			if !slices.Equal(blamed, one.want) {
				t.Errorf("blames %v, want %v", blamed, one.want)
			}
		})
	}
}
