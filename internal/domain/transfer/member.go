package transfer

import (
	"encoding/json"
	"errors"
	"io"
)

// maxName is the longest name of a member of the object around the accounts.
const maxName = 256

// enter goes from the beginning of a file to the first record of its list.
func (r *lineReader) enter() error {
	c, err := r.readByte()
	if err != nil {
		return err
	}

	if c == '[' {
		r.place = atFirst

		return nil
	}

	return r.untilUsers(true)
}

// leave goes from the end of a list to the end of what is around it, or to the next list in it.
func (r *lineReader) leave() error {
	if _, err := r.readByte(); err != nil {
		return err
	}

	if r.layout == inArray {
		r.place = atEnd

		return nil
	}

	return r.untilUsers(false)
}

// untilUsers passes over the members of the object around the accounts, up to the list of users or the end of the object.
func (r *lineReader) untilUsers(first bool) error {
	for ; ; first = false {
		c, err := r.nextByte()

		switch {
		case err != nil:
			return err
		case c == '}':
			if r.place = atEnd; r.users == 0 {
				return errNoUsers
			}

			return nil
		case !first && c != ',':
			return broken("neither a comma nor the end of the object follows the member before")
		case !first:
			if c, err = r.nextByte(); err != nil {
				return err
			}
		}

		if c != '"' {
			return broken("not the name of a member")
		}

		users, err := r.member()
		if err != nil || users {
			return err
		}
	}
}

// member reads a member, whose quotation mark is read. It reports whether this is the list of users, and stops within it.
func (r *lineReader) member() (users bool, err error) {
	name, err := r.memberName()
	if err != nil {
		return false, err
	}

	if c, err := r.nextByte(); err != nil {
		return false, err
	} else if c != ':' {
		return false, broken("no value follows the name of a member")
	}

	c, err := r.peekSpace()

	switch {
	case errors.Is(err, io.EOF):
		return false, errUnclosed
	case err != nil:
		return false, err
	case name != "users":
		_, _, err := r.value(nil, 0)
		if errors.Is(err, io.EOF) {
			err = errUnclosed
		}

		return false, err
	case r.users > 0:
		return false, broken("users is there twice")
	case c != '[':
		return false, broken("users is not a list")
	}

	r.users++
	r.place = atFirst
	_, err = r.readByte()

	return true, err
}

func (r *lineReader) memberName() (string, error) {
	quoted := []byte{'"'}

	for escaped := false; ; {
		c, err := r.readByte()

		switch {
		case errors.Is(err, io.EOF):
			return "", errUnclosed
		case err != nil:
			return "", err
		case c < ' ':
			return "", broken("a control character in the name of a member")
		}

		if len(quoted) < maxName {
			quoted = append(quoted, c)
		}

		if c == '"' && !escaped {
			break
		}

		escaped = c == '\\' && !escaped
	}

	var name string
	if json.Unmarshal(quoted, &name) != nil {
		name = "" // too long, or not JSON: not the list of users
	}

	return name, nil
}

// nextByte reads the next character that is not a space.
func (r *lineReader) nextByte() (byte, error) {
	_, err := r.peekSpace()
	if err == nil {
		return r.readByte()
	}

	if errors.Is(err, io.EOF) {
		err = errUnclosed
	}

	return 0, err
}
