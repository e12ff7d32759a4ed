package pgcluster

import (
	"path/filepath"
	"strings"
)

// Command returns a shell command that runs the server by hand on the same data and the same URL, once this Cluster is
// stopped.
func (c *Cluster) Command() string {
	as := ""
	if c.account != nil {
		as = "runuser -u " + c.account.name + " -- "
	}
	line := as + shell(filepath.Join(c.bin, "postgres"), "-D", c.data(), "-k", c.socket, "-c", "port="+port, "-c", "listen_addresses=")
	if c.temporary {
		line = as + shell("mkdir", "-p", "-m", "700", c.socket) + " && " + line
	}
	return line
}

// shell quotes text for a shell.
func shell(words ...string) string {
	for i, word := range words {
		if strings.ContainsAny(word, " \t\"'\\$&;()<>|*?`#~") {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
