package world

import ()

const (
	// Contenders go for the same thing at once, half of them through each of two gateways.
	Contenders = 16
	// RaceRounds is for every run; the battery runs a thousand.
	RaceRounds = 50
	// RegisterRounds are fewer: five contenders guess right each round, and compute a password hash.
	RegisterRounds = 12
)
