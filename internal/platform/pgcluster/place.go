package pgcluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Place returns the folder that is used for dir. It is dir itself, unless we are root and the server's user cannot
// reach dir, as in root's home: then it is a folder under /var/tmp whose name is derived from dir, so that the next
// start finds the same data.
func Place(dir string) (string, error) {
	acct, err := serverAccount()
	if err != nil {
		return "", err
	}
	return acct.place(dir, "/var/tmp")
}

func (a *account) place(dir, fallback string) (string, error) {
	if dir == "" {
		return "", errors.New("no folder given")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	reachable, err := a.canEnter(dir)
	if err != nil {
		return "", err
	}
	if reachable {
		return dir, nil
	}
	name := sha256.Sum256([]byte(dir))
	return filepath.Join(fallback, "pgcluster-"+hex.EncodeToString(name[:8])), nil
}

// makeFolder creates dir and missing parents, passable for the server's user whatever our umask is. For root, an
// existing folder must not belong to another user: the names under /var/tmp can be guessed, and an attacker who creates
// the folder first could replace its content.
func (a *account) makeFolder(dir string) error {
	if info, err := os.Lstat(dir); err == nil {
		return a.trust(dir, info)
	}
	if parent := filepath.Dir(dir); parent != dir {
		if _, err := os.Stat(parent); errors.Is(err, os.ErrNotExist) {
			if err := a.makeFolder(parent); err != nil {
				return err
			}
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		if errors.Is(err, os.ErrExist) { // another process was faster
			return a.makeFolder(dir)
		}
		return err
	}
	if a == nil {
		return nil
	}
	return os.Chmod(dir, 0o755)
}

func (a *account) trust(dir string, info os.FileInfo) error {
	if a != nil {
		if uid, _ := ownerOf(info); uid != 0 && uid != a.uid {
			return fmt.Errorf("%s belongs to user id %d, not to root or %s: remove it, or choose another folder", dir, uid, a.name)
		}
	}
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := os.Stat(dir)
		if err != nil {
			return err
		}
		return a.trust(dir, target)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	return nil
}
