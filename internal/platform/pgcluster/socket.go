package pgcluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	socketName = ".s.PGSQL." + port

	// maxSocketPath is the shortest limit among the systems we know, macOS's, without the final zero.
	maxSocketPath = 103
)

// makeSocketDir creates the folder of the socket, which is the only access control: the server trusts every client that
// reaches its socket, and only its user and root can enter this folder. The first call chooses the folder; a Restart
// creates the same one again, so that the URL stays.
func (c *Cluster) makeSocketDir() error {
	if c.socket == "" {
		if err := c.chooseSocketDir(); err != nil {
			return err
		}
	}
	err := os.Mkdir(c.socket, 0o700)
	if errors.Is(err, os.ErrExist) {
		err = c.checkSocketDir()
	}
	if err != nil {
		return err
	}
	return c.account.own(c.socket)
}

func (c *Cluster) checkSocketDir() error {
	info, err := os.Lstat(c.socket)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("the socket folder %s must be a folder with mode 0700: every user who can enter it is the database's superuser", c.socket)
	}
	return c.account.trust(c.socket, info)
}

func (c *Cluster) chooseSocketDir() error {
	dir, err := filepath.Abs(c.opts.SocketDir)
	switch {
	case err != nil:
		return err
	case c.opts.SocketDir == "":
		if dir = filepath.Join(c.dir, "socket"); len(filepath.Join(dir, socketName)) > maxSocketPath {
			// Not os.TempDir: TMPDIR may be long too, and closed to the server's user.
			if dir, err = os.MkdirTemp("/tmp", "pgcluster-"); err != nil {
				return err
			}
			c.temporary = true
		}
	case len(filepath.Join(dir, socketName)) > maxSocketPath:
		return fmt.Errorf("the socket folder's path is longer than a socket's may be (%d bytes with %s): %s", maxSocketPath, socketName, dir)
	}
	c.socket = dir
	return nil
}

func (c *Cluster) removeSocketDir() error {
	if !c.temporary {
		return nil
	}
	return os.RemoveAll(c.socket)
}
