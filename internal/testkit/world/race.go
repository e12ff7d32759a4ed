package world

// The sizes of races.
const (
	// Contenders is how many callers compete for the same thing at once, half of them through each of two gateways.
	Contenders = 16
	// RaceRounds is how many rounds every run has; the battery runs a thousand.
	RaceRounds = 50
	// RegisterRounds is lower, because five contenders of each round guess right and compute a password hash.
	RegisterRounds = 12
)
