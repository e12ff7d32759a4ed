package lark

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	// patience is how long Lark may take to say who somebody is, all in all: a person waits for it.
	patience = 10 * time.Second
	// maxAnswer is the longest answer. What is longer is none of those that we expect.
	maxAnswer = 64 << 10
	// maxAsking is how many are asked about at once. While Lark hangs, the others are told at once.
	maxAsking = 32
)

var errBusy = errors.New("lark: too many are waiting for an answer")

// asker makes the requests: to the address in the settings and nowhere else, by no redirect, and by no
// proxy that the environment names.
type asker struct {
	client   *http.Client
	places   chan struct{}
	patience time.Duration
}

func newAsker() asker {
	return asker{
		places:   make(chan struct{}, maxAsking),
		patience: patience,
		client: &http.Client{
			Transport: &http.Transport{
				TLSHandshakeTimeout:    5 * time.Second,
				MaxResponseHeaderBytes: maxAnswer,
				// A code is good once: a connection that went stale while it was idle would lose it.
				DisableKeepAlives: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// enter takes a place, if one is free. Leave at the end.
func (a asker) enter() (leave func(), err error) {
	select {
	case a.places <- struct{}{}:
		return func() { <-a.places }, nil
	default:
		return nil, errBusy
	}
}

type request struct {
	method, address string
	header          map[string]string
	body            []byte
}

// ask makes one request, and reads the answer, which is JSON, into answer. Its errors show neither what
// was sent nor what came back: either may be a secret.
func (a asker) ask(ctx context.Context, r request, answer any) (status int, err error) {
	sent, err := http.NewRequestWithContext(ctx, r.method, r.address, bytes.NewReader(r.body))
	if err != nil {
		return 0, errors.New("the address cannot be asked")
	}

	sent.Header.Set("User-Agent", "toolkit-gateway")
	sent.Header.Set("Accept", "application/json")

	for name, value := range r.header {
		sent.Header.Set(name, value)
	}

	response, err := a.client.Do(sent)
	if err != nil {
		if withAddress, ok := errors.AsType[*url.Error](err); ok {
			err = withAddress.Err
		}

		return 0, fmt.Errorf("no answer: %w", err)
	}
	defer response.Body.Close()

	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))

	switch {
	case err != nil:
		return 0, fmt.Errorf("the answer broke off: %w", err)
	case len(text) > maxAnswer:
		return 0, errors.New("the answer is too long")
	case json.Unmarshal(text, answer) != nil:
		return 0, fmt.Errorf("status %d, and no JSON of the expected form", response.StatusCode)
	}

	return response.StatusCode, nil
}
