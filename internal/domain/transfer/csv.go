package transfer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/konec/toolkit-gateway/internal/platform/lark"
)

// column is one column of the CSV form.
type column struct {
	name string
	get  func(r *Record) string
	set  func(r *Record, value string) error // for a value that is not empty
}

func textColumn(name string, field func(r *Record) *string) column {
	return column{
		name: name,
		get:  func(r *Record) string { return *field(r) },
		set: func(r *Record, value string) error {
			*field(r) = value

			return nil
		},
	}
}

func numberColumn[T int32 | int64](name string, bits int, field func(r *Record) *T) column {
	return column{
		name: name,
		get:  func(r *Record) string { return strconv.FormatInt(int64(*field(r)), 10) },
		set: func(r *Record, value string) error {
			number, err := strconv.ParseInt(value, 10, bits)
			if err != nil {
				return errInteger
			}

			*field(r) = T(number)

			return nil
		},
	}
}

func instantColumn(name string, field func(r *Record) *instant) column {
	return column{
		name: name,
		get:  func(r *Record) string { return field(r).String() },
		set: func(r *Record, value string) (err error) {
			*field(r), err = parseInstant(value)

			return err
		},
	}
}

// columns are the fields of a Record, in its order.
var columns = []column{
	textColumn("id", func(r *Record) *string { return &r.ID }),
	textColumn("email", func(r *Record) *string { return &r.Email }),
	textColumn("name", func(r *Record) *string { return &r.Name }),
	textColumn("memberGroup", func(r *Record) *string { return &r.MemberGroup }),
	textColumn("status", func(r *Record) *string { return &r.Status }),
	textColumn("passwordHash", func(r *Record) *string { return &r.PasswordHash }),
	textColumn("phone", func(r *Record) *string { return &r.Phone }),
	numberColumn("avatar", 32, func(r *Record) *int32 { return &r.Avatar }),
	textColumn("picture", func(r *Record) *string { return &r.Picture }),
	instantColumn("createdAt", func(r *Record) *instant { return &r.CreatedAt }),
	instantColumn("updatedAt", func(r *Record) *instant { return &r.UpdatedAt }),
	instantColumn("deletedAt", func(r *Record) *instant { return &r.DeletedAt }),
	numberColumn("version", 32, func(r *Record) *int32 { return &r.Version }),
	numberColumn("signIns", 64, func(r *Record) *int64 { return &r.SignIns }),
	instantColumn("lastSignInAt", func(r *Record) *instant { return &r.LastSignInAt }),
	instantColumn("lastSeenAt", func(r *Record) *instant { return &r.LastSeenAt }),
	textColumn("totpSecret", func(r *Record) *string { return &r.TOTPSecret }),
	{name: "lark", get: larkCell, set: setLarkCell},
	instantColumn("secondFactorSince", func(r *Record) *instant { return &r.SecondFactorSince }),
	instantColumn("phoneSuspendedAt", func(r *Record) *instant { return &r.PhoneSuspendedAt }),
	instantColumn("totpSuspendedAt", func(r *Record) *instant { return &r.TOTPSuspendedAt }),
	instantColumn("larkSuspendedAt", func(r *Record) *instant { return &r.LarkSuspendedAt }),
}

func larkCell(r *Record) string {
	if r.Lark == nil {
		return ""
	}

	text, _ := json.Marshal(r.Lark) // a struct of texts

	return string(text)
}

func setLarkCell(r *Record, value string) error {
	r.Lark = new(lark.Person)
	if err := json.Unmarshal([]byte(value), r.Lark, json.RejectUnknownMembers(true)); err != nil {
		return errors.New("not what the JSON form has as lark")
	}

	return nil
}

// formula matches the beginning of what a spreadsheet would compute or convert to a number. Such a cell gets an
// apostrophe in front when exported, and loses it when imported; so does a cell that already begins with an apostrophe.
const formula = "=+-@\t\r'"

func guard(cell string) string {
	if cell != "" && strings.Contains(formula, cell[:1]) {
		return "'" + cell
	}

	return cell
}

func unguard(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && strings.Contains(formula, cell[1:2]) {
		return cell[1:]
	}

	return cell
}

// csvReader reads the records after the first line, which defines the columns. identify returns the cells that name a record.
func csvReader(header []byte) (read func(line []byte) (Record, error), identify func(line []byte) []string, err error) {
	names, err := cells(header, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("the first line, the names of the columns: %w", err)
	}

	chosen := make([]column, len(names))
	seen := map[string]bool{}

	for i, name := range names {
		at := slices.IndexFunc(columns, func(c column) bool { return c.name == name })

		switch {
		case at < 0:
			return nil, nil, fmt.Errorf("the first line, the names of the columns, separated by commas: %s is none of %s", quote(name), columnNames())
		case seen[name]:
			return nil, nil, fmt.Errorf("the first line, the names of the columns: %s is there twice", name)
		}

		chosen[i], seen[name] = columns[at], true
	}

	read = func(line []byte) (r Record, err error) {
		values, err := cells(line, len(chosen))
		if err != nil {
			return r, err
		}

		for i, one := range chosen {
			value := unguard(values[i])
			if value == "" {
				continue
			}

			if err := one.set(&r, value); err != nil {
				return r, flaw{one.name, err.Error()}
			}
		}

		return r, nil
	}

	identify = func(line []byte) (found []string) {
		values, err := cells(line, len(chosen))
		for i, one := range chosen {
			if err == nil && (one.name == "email" || one.name == "id") {
				found = append(found, unguard(values[i]))
			}
		}

		return found
	}

	return read, identify, nil
}

func columnNames() string {
	list := make([]string, len(columns))
	for i, one := range columns {
		list[i] = one.name
	}

	return strings.Join(list, ", ")
}

// cells returns the cells of one record, which must be n; 0 for any number.
func cells(line []byte, n int) ([]string, error) {
	reader := csv.NewReader(bytes.NewReader(line))
	reader.FieldsPerRecord = n

	values, err := reader.Read()

	switch {
	case errors.Is(err, csv.ErrFieldCount):
		return nil, flaw{reason: fmt.Sprintf("%d values, where there are %d columns", len(values), n)}
	case err != nil:
		return nil, flaw{reason: "not a line of CSV: a quotation mark that is not closed, or is in the wrong place"}
	}

	if _, err := reader.Read(); !errors.Is(err, io.EOF) {
		return nil, flaw{reason: "not a line of CSV"}
	}

	return values, nil
}

func (r *Record) csv() []string {
	values := make([]string, len(columns))
	for i, one := range columns {
		values[i] = guard(one.get(r))
	}

	return values
}
