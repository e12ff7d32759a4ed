package transfer

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// entry is a record with its place in the file.
type entry struct {
	*Record

	line line
}

// verdict is the result for a batch.
type verdict struct {
	accepted []entry
	present  int64
	groups   []string // to be created first
	remarks  []about  // in the order of the records
}

// about is a remark with the number of its record.
type about struct {
	Remark

	record int64
}

// refuse removes what the database refused.
func (v *verdict) refuse(refused []about) {
	for _, remark := range refused {
		v.accepted = slices.DeleteFunc(v.accepted, func(e entry) bool { return e.line.record == remark.record })
		v.remarks = slices.DeleteFunc(v.remarks, func(other about) bool { return other.record == remark.record })
	}

	v.remarks = append(v.remarks, refused...)
	slices.SortStableFunc(v.remarks, func(a, b about) int { return int(a.record - b.record) })
}

func (v *verdict) listed() []Remark {
	list := make([]Remark, len(v.remarks))
	for i, one := range v.remarks {
		list[i] = one.Remark
	}

	return list
}

// holders are the accounts that have the ids, addresses, numbers and identities of a batch.
type holders struct {
	emails map[string]string // by id
	ids    map[string]string // by address
	phones map[string]string // ids by number
	larks  map[string]string // ids by open_id

	deleted map[string]bool // by id
}

// judge decides about each line of a batch, against the database and against the earlier lines.
func (r *run) judge(ctx context.Context, tx pgx.Tx, b *batch) (verdict, error) {
	h, err := r.holders(ctx, tx, b)
	if err != nil {
		return verdict{}, err
	}

	var v verdict

	for i, line := range b.lines {
		if wrong := b.flaws[i]; wrong != (flaw{}) {
			v.remarks = append(v.remarks, r.about(line, b.names[i], wrong))

			continue
		}

		record := &b.records[i]

		there, wrong := h.has(record)
		if there && wrong == (flaw{}) {
			v.present++

			continue
		}

		if !there {
			wrong = h.taken(record)
		}

		if wrong == (flaw{}) {
			wrong = r.judgeGroup(record.MemberGroup, &v)
		}

		if wrong != (flaw{}) {
			v.remarks = append(v.remarks, r.about(line, record.Email, flawOf(wrong, r.form.names)))

			continue
		}

		h.add(record)
		v.accepted = append(v.accepted, entry{record, line})

		if record.secret != nil && record.secret.Weak() {
			record.note("totpSecret", fmt.Sprintf("a secret of %d bits, where one made here has 160: have it bound anew", record.secret.Bits()))
		}

		for _, note := range record.notes {
			remark := r.about(line, record.Email, flawOf(note, r.form.names))
			remark.Imported = true
			v.remarks = append(v.remarks, remark)
		}
	}

	return v, nil
}

// about returns what the report says about a record. It names the end of one that has several lines.
func (r *run) about(l line, name string, wrong flaw) about {
	remark := Remark{Line: l.number, Record: r.recordOf(l.record), Account: name, Field: wrong.field, Reason: wrong.reason}

	if l.last > l.number {
		remark.LastLine = l.last
	}

	switch {
	case l.rest && l.last > l.number:
		remark.Reason += fmt.Sprintf(" (lines %d to %d are not read)", l.number, l.last)
	case l.rest:
		remark.Reason += " (nothing from here on is read)"
	case l.last > l.number:
		remark.Reason += fmt.Sprintf(" (lines %d to %d are one record)", l.number, l.last)
	}

	return about{remark, l.record}
}

// judgeGroup makes sure that the group exists.
func (r *run) judgeGroup(name string, v *verdict) flaw {
	if r.groups[name] {
		return flaw{}
	}

	if !r.CreateGroups {
		return flaw{"memberGroup", fmt.Sprintf("there is no member group %s; there are %s", quote(name), r.groupNames())}
	}

	if normal, err := account.ParseName(name); err != nil || normal != name || utf8.RuneCountInString(name) > 32 {
		return flaw{"memberGroup", "not one line of 1 to 32 characters"}
	}

	r.groups[name] = true
	v.groups = append(v.groups, name)

	return flaw{}
}

// holders queries the database for a whole batch at once.
func (r *run) holders(ctx context.Context, tx pgx.Tx, b *batch) (holders, error) {
	var ids, emails, phones, larks []string

	for i := range b.records {
		record := &b.records[i]
		if b.flaws[i] != (flaw{}) {
			continue
		}

		ids, emails = append(ids, record.ID), append(emails, record.Email)

		if record.Phone != "" {
			phones = append(phones, record.Phone)
		}

		if record.Lark != nil {
			larks = append(larks, record.Lark.OpenID)
		}
	}

	h := holders{emails: map[string]string{}, ids: map[string]string{}, phones: map[string]string{}, larks: map[string]string{}, deleted: map[string]bool{}}
	if len(ids) == 0 {
		return h, nil
	}

	queries := db.New(postgres.Planned(tx))

	rows, err := queries.AccountTaken(ctx, db.AccountTakenParams{Ids: ids, Emails: emails, Phones: phones})
	if err != nil {
		return h, fmt.Errorf("look for the same accounts: %w", err)
	}

	for _, row := range rows {
		h.add(&Record{ID: row.ID, Email: row.Email, Phone: row.Phone})
		h.deleted[row.ID] = row.Status == string(account.Deleted)
	}

	if len(larks) > 0 {
		rows, err := queries.IdentityTaken(ctx, db.IdentityTakenParams{Provider: lark.Provider, Subjects: larks})
		if err != nil {
			return h, fmt.Errorf("look for the same identities: %w", err)
		}

		for _, row := range rows {
			h.larks[row.Subject] = row.AccountID
		}
	}

	if r.DryRun {
		return h, rehearsed(ctx, tx, &h, ids, emails, phones, larks)
	}

	return h, nil
}

func (h *holders) add(r *Record) {
	h.emails[r.ID], h.ids[r.Email] = r.Email, r.ID

	if r.Phone != "" {
		h.phones[r.Phone] = r.ID
	}

	if r.Lark != nil {
		h.larks[r.Lark.OpenID] = r.ID
	}
}

// has reports whether the account exists: its id with its address, or its address if the file has no id. If it was
// deleted only here, an administrator must decide.
func (h *holders) has(r *Record) (there bool, wrong flaw) {
	id := r.ID
	if !r.named {
		id = h.ids[r.Email]
	}

	if id == "" || h.emails[id] != r.Email {
		return false, flaw{}
	}

	if h.deleted[id] && r.Status != string(account.Deleted) {
		wrong = flaw{"id", "the account " + id + " was deleted here, and can be restored until it is erased"}
	}

	return true, wrong
}

// taken returns which value of a record another account has, in the database or in an earlier line.
func (h *holders) taken(r *Record) flaw {
	if _, there := h.emails[r.ID]; there {
		return flaw{"id", "there is an account with this id, and another e-mail address"}
	}

	for _, one := range []struct {
		field, holder, what string
	}{
		{"email", h.ids[r.Email], "e-mail address"},
		{"phone", h.phones[r.Phone], "phone number"},
		{"lark", h.larks[r.openID()], "Lark identity"},
	} {
		if one.holder != "" {
			return flaw{one.field, fmt.Sprintf("the account %s has this %s", one.holder, one.what)}
		}
	}

	return flaw{}
}

func (r *Record) openID() string {
	if r.Lark == nil {
		return ""
	}

	return r.Lark.OpenID
}
