package lark

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/outbound"
)

const (
	// timeLimit is the limit for both requests together: a user waits for them.
	timeLimit = 10 * time.Second
	// maxAnswer is the limit for one response, in bytes. A longer one is unexpected.
	maxAnswer = 64 << 10
	// maxAsking limits how many requests wait at once. While Lark does not respond, further ones fail at once.
	maxAsking = 32
)

const statusOK = 200

var errBusy = errors.New("lark: too many requests are waiting for a response")

// asker makes the requests, and limits how many run at once.
type asker struct {
	client    *outbound.Client
	places    chan struct{}
	timeLimit time.Duration
}

func newAsker() asker {
	return asker{
		client:    outbound.New(outbound.Settings{Timeout: timeLimit, Handshake: timeLimit / 2, MaxAnswer: maxAnswer}),
		places:    make(chan struct{}, maxAsking),
		timeLimit: timeLimit,
	}
}

// enter takes a slot, if one is free. The caller must call leave.
func (a asker) enter() (leave func(), err error) {
	select {
	case a.places <- struct{}{}:
		return func() { <-a.places }, nil
	default:
		return nil, errBusy
	}
}

// decode parses a response, which is JSON, into value. Its errors quote nothing of the response, which may contain a
// secret.
func decode(answer outbound.Answer, value any) error {
	switch {
	case answer.Cut != nil:
		return answer.Cut
	case json.Unmarshal(answer.Body, value) != nil:
		return fmt.Errorf("status %d, without JSON of the expected form", answer.Status)
	}

	return nil
}
