package migration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// readOnly are the tables of the two migrators, of which the server reads only the versions.
var readOnly = []string{"goose_db_version", "river_migration"} //nolint:gochecknoglobals // a constant

// Grant grants a role the rights that the server needs, and revokes others: to read and to write rows, but only to
// insert in the tables of appendOnly. The role may not create objects. A role that could still change the tables of
// appendOnly is refused, and left as it was.
func Grant(ctx context.Context, url, role string, appendOnly []string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to lose

	if err := waitForLock(ctx, conn); err != nil {
		return err
	}

	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := known(ctx, tx, role); err != nil {
			return err
		}

		statements, err := grants(ctx, tx, pgx.Identifier{role}.Sanitize(), appendOnly)
		if err != nil {
			return err
		}

		for _, statement := range statements {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}

		return harmless(ctx, tx, role, appendOnly)
	})
	if err != nil {
		return fmt.Errorf("server role: %w", err)
	}

	return nil
}

func known(ctx context.Context, tx pgx.Tx, role string) error {
	var found bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&found); err != nil {
		return fmt.Errorf("roles: %w", err)
	}

	if !found {
		return fmt.Errorf("there is no role %q; CREATE ROLE %s LOGIN PASSWORD '…' creates it", role, pgx.Identifier{role}.Sanitize())
	}

	return nil
}

// grants returns the statements, for every table and sequence of ours in the schema.
func grants(ctx context.Context, tx pgx.Tx, role string, appendOnly []string) ([]string, error) {
	rows, err := tx.Query(ctx, `
		SELECT relname::text AS name, relkind = 'S' AS sequence, current_setting('server_version_num')::int >= 170000 AS maintain
		FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'S') AND pg_has_role(current_user, relowner, 'USAGE')
		ORDER BY relname`)
	if err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}

	type relation struct {
		Name               string
		Sequence, Maintain bool
	}

	relations, err := pgx.CollectRows(rows, pgx.RowToStructByName[relation])
	if err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}

	var schema string
	if err := tx.QueryRow(ctx, "SELECT quote_ident(current_schema())").Scan(&schema); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}

	statements := []string{"REVOKE CREATE ON SCHEMA " + schema + " FROM " + role, "GRANT USAGE ON SCHEMA " + schema + " TO " + role}

	for _, one := range relations {
		kind, rights := "TABLE ", "SELECT, INSERT, UPDATE, DELETE"

		switch {
		case one.Sequence:
			kind, rights = "SEQUENCE ", "USAGE"
		case slices.Contains(readOnly, one.Name):
			rights = "SELECT"
		case slices.Contains(appendOnly, one.Name):
			rights = "SELECT, INSERT"
		case one.Name == "river_job" && one.Maintain:
			rights += ", MAINTAIN" // River rebuilds its indexes at night
		}

		name := kind + schema + "." + pgx.Identifier{one.Name}.Sanitize()
		statements = append(statements, "REVOKE ALL ON "+name+" FROM "+role, "GRANT "+rights+" ON "+name+" TO "+role)
	}

	return statements, nil
}

// harmless checks the effective rights of the role, from every source.
func harmless(ctx context.Context, tx pgx.Tx, role string, appendOnly []string) error {
	var (
		makesRoles, makesTables bool
		tables                  []string
	)

	err := tx.QueryRow(ctx, `
		SELECT r.rolcreaterole AND NOT r.rolsuper, has_schema_privilege(r.oid, current_schema()::regnamespace, 'CREATE'),
			(SELECT coalesce(array_agg(c.relname::text ORDER BY c.relname), '{}')
			FROM pg_class c
			WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY($2)
				AND (pg_has_role(r.oid, c.relowner, 'MEMBER') OR has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')))
		FROM pg_roles r
		WHERE r.rolname = $1`, role, appendOnly).Scan(&makesRoles, &makesTables, &tables)

	switch {
	case err != nil:
		return fmt.Errorf("privileges: %w", err)
	case len(tables) > 0:
		return fmt.Errorf("%q could change %s: it is a superuser, a member of the role that owns them, or was granted that in another way",
			role, strings.Join(tables, ", "))
	case makesRoles:
		return fmt.Errorf("%q may create roles, and make itself a member of the one that owns the tables: ALTER ROLE … NOCREATEROLE", role)
	case makesTables:
		return errors.New("every role may create tables in this schema, as in PostgreSQL before 15: REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	}

	return nil
}
