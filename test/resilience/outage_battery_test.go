//go:build battery

package resilience_test

func init() { inTime = true }
