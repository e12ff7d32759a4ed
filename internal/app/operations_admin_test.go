package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// administered are bodies for the operations of administrators.
func (d *desk) administered(o operation) map[string]any {
	switch o.OperationID {
	case "setAccountGroup":
		return map[string]any{"memberGroup": "Member"}
	case "createAccount":
		return map[string]any{"email": fmt.Sprintf("created.%d@konec.com.au", d.fresh.Add(1)), "name": "New Person", "memberGroup": "Member"}
	case "sendCode":
		return map[string]any{"email": fmt.Sprintf("waiting.%d@konec.com.au", d.fresh.Add(1)), "purpose": "reset"}
	case "setAccountStatus":
		return map[string]any{"status": "active"}
	case "assignGroup":
		return map[string]any{"memberGroup": "Member", "accounts": []any{map[string]any{"id": d.subject, "version": d.versionOf("account", "id", d.subject)}}}
	case "createGroup":
		return map[string]any{"name": fmt.Sprintf("Group %d", d.fresh.Add(1))}
	case "changeGroup":
		return map[string]any{"description": "Partners", "rights": []string{}, "requiresTotp": false}
	}

	panic("no values for the operation " + o.OperationID + ": add its body to the list above")
}

// aimed is about the account that the administrator looks after, or a group of its own, in the version of now.
func (d *desk) aimed(o operation, c call) call {
	group := "Member"
	if o.OperationID == "deleteGroup" {
		group = d.spareGroup()
	}

	c.path = strings.NewReplacer("{accountId}", d.subject, "{factor}", "phone", "{group}", group).Replace(c.path)

	if o.needs("If-Match") {
		version := d.versionOf("account", "id", d.subject)
		if strings.Contains(o.path, "{group}") {
			version = d.versionOf("member_group", "name", group)
		}

		c = c.with("If-Match", fmt.Sprintf(`"%d"`, version))
	}

	return c
}

// needs says that the operation has a header of that name.
func (o operation) needs(header string) bool {
	return slices.ContainsFunc(o.Parameters, func(p *openapi3.ParameterRef) bool {
		return p.Value.In == openapi3.ParameterInHeader && p.Value.Name == header
	})
}

// versionOf is zero where the database is away, or has no such table any more.
func (d *desk) versionOf(table, key, value string) (version int) {
	err := d.Pool.QueryRow(context.Background(), "SELECT version FROM "+table+" WHERE "+key+" = $1", value).Scan(&version)
	if err != nil {
		return 0
	}

	return version
}

// spareGroup is one that nobody is in.
func (d *desk) spareGroup() string {
	name := fmt.Sprintf("Spare %d", d.fresh.Add(1))
	_, _ = d.Pool.Exec(context.Background(), "INSERT INTO member_group (name, created_at, updated_at) VALUES ($1, now(), now())", name)

	return name
}
