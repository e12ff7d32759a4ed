//go:build battery

package resilience_test

func init() { judgeTimes = true }
