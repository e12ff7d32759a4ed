//go:build battery

package race_test

import "testing"

// T-05 at its full length: more than 200 rounds of 64 guesses, over all kinds of secrets.
func TestSimultaneousGuessesShareTheLimitBattery(t *testing.T) {
	t.Parallel()
	guessAtOnce(t, 15)
}

// T-05 with a thousand numbers.
func TestTextMessagesAreLimitedBattery(t *testing.T) {
	t.Parallel()
	sendManyTexts(t, 1000, 200)
}
