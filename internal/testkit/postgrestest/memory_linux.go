package postgrestest

import "syscall"

// freeIn returns how many bytes are free in the file system of dir, or 0 if there is no such folder.
func freeIn(dir string) uint64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0
	}
	return fs.Bavail * uint64(fs.Bsize)
}
