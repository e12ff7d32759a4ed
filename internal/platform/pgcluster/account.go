package pgcluster

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// account is the operating system user of the server if we are root, which PostgreSQL refuses. It is nil otherwise: the
// server then runs as our own user.
type account struct {
	name     string
	uid, gid int
}

func serverAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	var errs []error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &account{name: name, uid: uid, gid: gid}, nil
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no other user for it: %w", errors.Join(errs...))
}

// own gives path to the server's user. It does not follow a link, which could lead anywhere.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// canEnter reports whether the server's user may pass through dir and every folder above it. Folders that do not exist
// yet count as passable: we create them so.
func (a *account) canEnter(dir string) (bool, error) {
	if a == nil {
		return true, nil
	}
	dir, err := resolve(dir)
	if err != nil {
		return false, err
	}
	for {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return false, err
		case !info.IsDir():
			return false, fmt.Errorf("%s is not a folder", dir)
		case !a.mayExecute(info):
			return false, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true, nil
		}
		dir = parent
	}
}

// mayExecute reports whether the server's user may run a file, or pass through a folder.
func (a *account) mayExecute(info os.FileInfo) bool {
	uid, gid := ownerOf(info)
	switch {
	case uid == a.uid:
		return info.Mode()&0o100 != 0
	case gid == a.gid:
		return info.Mode()&0o010 != 0
	default:
		return info.Mode()&0o001 != 0
	}
}

// resolve follows the symbolic links in the part of dir that exists.
func resolve(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	rest := ""
	for {
		found, err := filepath.EvalSymlinks(dir)
		if err == nil {
			return filepath.Join(found, rest), nil
		}
		if !errors.Is(err, os.ErrNotExist) || filepath.Dir(dir) == dir {
			return "", err
		}
		rest = filepath.Join(filepath.Base(dir), rest)
		dir = filepath.Dir(dir)
	}
}
