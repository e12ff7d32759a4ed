//go:build !linux

package postgrestest

// freeIn returns 0: only Linux has a standard folder in memory.
func freeIn(string) uint64 { return 0 }
