package transfer

import (
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/konec/toolkit-gateway/internal/platform/lark"
)

// gatewayDocument is an account of the previous gateway. Other members of its documents are ignored.
type gatewayDocument struct {
	ID          objectID `json:"_id"`
	Username    string   `json:"username"`
	Email       string   `json:"email"`
	Password    string   `json:"password"`
	MemberGroup string   `json:"memberGroup"`
	Avatar      *integer `json:"avatar"`
	CreatedAt   *instant `json:"createdAt"`
	UpdatedAt   *instant `json:"updatedAt"`
	Version     *integer `json:"__v"`
}

var gatewayNames = map[string]string{"id": "_id", "name": "username", "passwordHash": "password", "version": "__v"}

func readGateway(line []byte) (r Record, err error) {
	var d gatewayDocument
	if err := json.Unmarshal(line, &d); err != nil {
		return r, err
	}

	r = Record{
		ID: string(d.ID), Name: d.Username, Email: d.Email, PasswordHash: d.Password, MemberGroup: d.MemberGroup,
		CreatedAt: orZero(d.CreatedAt), UpdatedAt: orZero(d.UpdatedAt),
	}

	if r.ID == "" {
		return r, flaw{"id", "missing"}
	}

	if r.Avatar, err = d.Avatar.int32(); err != nil {
		return r, flaw{"avatar", err.Error()}
	}

	if r.Version, err = d.Version.int32(); err != nil {
		return r, flaw{"version", err.Error()}
	}

	return r, nil
}

// publicDocument is an account of the public service. Its history of sign-ins, and its tokens of Lark, are ignored.
type publicDocument struct {
	ID        objectID     `json:"_id"`
	Email     string       `json:"email"`
	Password  string       `json:"password"`
	Name      string       `json:"name"`
	Avatar    string       `json:"avatar"`
	Phone     string       `json:"phone"`
	TOTP      string       `json:"totp"`
	Lark      *lark.Person `json:"lark"`
	Sessions  *integer     `json:"sessions"`
	Status    *bool        `json:"status"`
	CreatedAt *instant     `json:"create_time"`
	UpdatedAt *instant     `json:"update_time"`
}

var publicNames = map[string]string{
	"id": "_id", "passwordHash": "password", "picture": "avatar", "totpSecret": "totp", "signIns": "sessions",
	"createdAt": "create_time", "updatedAt": "update_time",
}

func readPublic(line []byte) (r Record, err error) {
	var d publicDocument
	if err := json.Unmarshal(line, &d); err != nil {
		return r, err
	}

	r = Record{
		ID: string(d.ID), Email: d.Email, PasswordHash: d.Password, Name: d.Name, Picture: d.Avatar, Phone: d.Phone, TOTPSecret: d.TOTP,
		CreatedAt: orZero(d.CreatedAt), UpdatedAt: orZero(d.UpdatedAt), Status: "active",
	}

	switch {
	case r.ID == "":
		return r, flaw{"id", "missing"}
	case d.Status == nil:
		// The account may have been locked out: an unknown value must not let it in.
		return r, flaw{"status", "missing"}
	case !*d.Status:
		r.Status = "disabled"
	}

	if d.Sessions != nil {
		r.SignIns = int64(*d.Sessions)
	}

	// That service requires no name; here every app shows one.
	if strings.TrimSpace(r.Name) == "" {
		r.Name, _, _ = strings.Cut(strings.TrimSpace(r.Email), "@")
	}

	if d.Lark != nil && *d.Lark != (lark.Person{}) {
		r.Lark = d.Lark
	}

	return r, nil
}

func orZero(i *instant) instant {
	if i == nil {
		return instant{}
	}

	return *i
}

// readJSON parses our own form, in which an unknown field is more likely misspelt than superfluous.
func readJSON(line []byte) (r Record, err error) {
	err = json.Unmarshal(line, &r, json.RejectUnknownMembers(true))

	return r, err
}
