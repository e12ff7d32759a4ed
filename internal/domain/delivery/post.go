package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// postTimeout bounds one request, from the first packet to the end of the answer.
const postTimeout = 15 * time.Second

// maxAnswer is how much of an answer is read. What is longer is not one of those that a sender expects.
const maxAnswer = 64 << 10

// poster asks others over HTTP. It is the only place of this package that does, and goes to the address
// in the settings and nowhere else: no redirect, and no proxy that the environment names.
type poster struct {
	client *http.Client
}

func newPoster() poster {
	return poster{&http.Client{
		Timeout: postTimeout,
		Transport: &http.Transport{
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: maxAnswer,
			// A connection that went stale while it was idle would leave it open whether a message has
			// arrived.
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what came back.
type answer struct {
	status int
	body   []byte // its first maxAnswer bytes
}

// post makes one request. Its errors do not show the address, which may hold a secret.
func (p poster) post(ctx context.Context, address string, header map[string]string, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, errors.New("the address cannot be asked")
	}

	request.Header.Set("User-Agent", "toolkit-gateway")

	for name, value := range header {
		request.Header.Set(name, value)
	}

	response, err := p.client.Do(request)
	if err != nil {
		if withAddress, ok := errors.AsType[*url.Error](err); ok {
			err = withAddress.Err
		}

		return answer{}, fmt.Errorf("no answer: %w", err)
	}
	defer response.Body.Close()

	// The status says most; who needs the rest cannot read one that was cut, and that is error enough.
	read, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))

	return answer{status: response.StatusCode, body: read}, nil
}

// taken says that the other side has what it was sent.
func (a answer) taken() bool { return a.status/100 == 2 }

// final says that it will not have it later either: 4xx, but for those that are about the moment.
func (a answer) final() bool {
	switch a.status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}

	return a.status/100 == 4
}
