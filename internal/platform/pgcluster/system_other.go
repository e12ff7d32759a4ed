//go:build unix && !linux

package pgcluster

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// endWithParent does nothing: only Linux can tie a child's life to its parent's. The next Start on the folder ends a
// server that is left over.
func endWithParent(*syscall.SysProcAttr) {}

// processes lists every process.
func processes() ([]process, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,state=").Output()
	if err != nil {
		return nil, err
	}
	var all []process
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		pid, _ := strconv.Atoi(fields[0])
		parent, _ := strconv.Atoi(fields[1])
		all = append(all, process{pid: pid, parent: parent, state: fields[2]})
	}
	return all, nil
}

func commandLine(pid int) string {
	out, _ := exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return string(out)
}
