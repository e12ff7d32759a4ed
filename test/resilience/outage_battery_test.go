//go:build battery

package app_test

func init() { inTime = true }
