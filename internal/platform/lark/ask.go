package lark

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/outbound"
)

const (
	// patience is the limit for both requests together: a person waits for them.
	patience = 10 * time.Second
	// maxAnswer is the limit for one answer, in bytes. A longer one is not one that we expect.
	maxAnswer = 64 << 10
	// maxAsking limits how many ask at once. While Lark hangs, the others fail at once.
	maxAsking = 32
)

const statusOK = 200

var errBusy = errors.New("lark: too many are waiting for an answer")

// asker makes the requests, and limits how many there are.
type asker struct {
	client   *outbound.Client
	places   chan struct{}
	patience time.Duration
}

func newAsker() asker {
	return asker{
		client:   outbound.New(outbound.Settings{Timeout: patience, Handshake: patience / 2, MaxAnswer: maxAnswer}),
		places:   make(chan struct{}, maxAsking),
		patience: patience,
	}
}

// enter takes a place, if one is free. The caller has to call leave.
func (a asker) enter() (leave func(), err error) {
	select {
	case a.places <- struct{}{}:
		return func() { <-a.places }, nil
	default:
		return nil, errBusy
	}
}

// decode reads an answer, which is JSON, into value. Its errors show nothing of the answer, which may hold a secret.
func decode(answer outbound.Answer, value any) error {
	switch {
	case answer.Cut != nil:
		return answer.Cut
	case json.Unmarshal(answer.Body, value) != nil:
		return fmt.Errorf("status %d, and no JSON of the expected form", answer.Status)
	}

	return nil
}
