// Package lark authenticates a user at Lark (Feishu) by OAuth 2.0 for web apps: a page of Lark where the user agrees, a
// code that comes back, a token for the code, and the user's profile for the token. It stores nothing, and never
// returns a token.
package lark

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
)

// ErrRefused reports that Lark does not accept the code: it is wrong, old, used, or of another browser, or the user may
// not use the app. Every other error is an outage, or a wrong setting.
var ErrRefused = errors.New("lark: the code is refused")

// Provider is the name of Lark among the providers of identities, as it is stored.
const Provider = "lark"

const (
	pathToken   = "/open-apis/authen/v2/oauth/token"
	pathProfile = "/open-apis/authen/v1/user_info"
)

// Settings are those of one app.
type Settings struct {
	AppID        string
	AppSecret    string
	URL          string // of the API, such as https://open.feishu.cn
	AuthorizeURL string // of the page
	Redirect     string // where the browser returns to, as registered at Lark
}

// Client makes requests to Lark.
type Client struct {
	settings Settings
	asker    asker
}

// New returns a Client.
func New(settings Settings) *Client { return &Client{settings: settings, asker: newAsker()} }

// Page returns the address of the page where the user agrees. state comes back with the code. verifier is a secret of
// the browser that started (RFC 7636): the code alone is useless to others.
func (c *Client) Page(state, verifier string) string {
	challenge := sha256.Sum256([]byte(verifier))

	return c.settings.AuthorizeURL + "?" + url.Values{
		"client_id":             {c.settings.AppID},
		"redirect_uri":          {c.settings.Redirect},
		"response_type":         {"code"},
		"state":                 {state},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}.Encode()
}

// Who returns the user to whom the code belongs.
func (c *Client) Who(ctx context.Context, code, verifier string) (Person, error) {
	leave, err := c.asker.enter()
	if err != nil {
		return Person{}, err
	}
	defer leave()

	ctx, cancel := context.WithTimeout(ctx, c.asker.timeLimit)
	defer cancel()

	token, err := c.token(ctx, code, verifier)
	if err != nil {
		return Person{}, fmt.Errorf("lark: token: %w", err)
	}

	person, err := c.profile(ctx, token)
	if err != nil {
		return Person{}, fmt.Errorf("lark: profile: %w", err)
	}

	return person, nil
}

func (c *Client) token(ctx context.Context, code, verifier string) (string, error) {
	body, err := json.Marshal(map[string]string{
		"grant_type":    "authorization_code",
		"client_id":     c.settings.AppID,
		"client_secret": c.settings.AppSecret,
		"code":          code,
		"redirect_uri":  c.settings.Redirect,
		"code_verifier": verifier,
	})
	if err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}

	var answer struct {
		Code        int    `json:"code"`
		Error       string `json:"error"`
		AccessToken string `json:"access_token"`
	}

	got, err := c.asker.client.Post(ctx, c.settings.URL+pathToken, map[string]string{
		"Accept": "application/json", "Content-Type": "application/json; charset=utf-8",
	}, body)
	if err == nil {
		err = decode(got, &answer)
	}

	switch {
	case err != nil:
		return "", err
	case got.Status/100 == 5:
		return "", fmt.Errorf("status %d", got.Status)
	case answer.Code == 0 && got.Status == statusOK && answer.AccessToken != "":
		return answer.AccessToken, nil
	case refusals[answer.Code] || answer.Error == "invalid_grant" || answer.Error == "access_denied":
		return "", fmt.Errorf("%w: %d", ErrRefused, answer.Code)
	}

	return "", fmt.Errorf("status %d, code %d", got.Status, answer.Code)
}

// refusals are Lark's error numbers that are about the code or the user, and not about the app.
var refusals = map[int]bool{
	20003: true, // no such code
	20004: true, // the code is too old
	20008: true, // no such user
	20010: true, // a user who may not use the app
	20024: true, // a code of another app
	20049: true, // another verifier
	20065: true, // the code was used before
	20066: true, // a user who has left
}

func (c *Client) profile(ctx context.Context, token string) (Person, error) {
	var answer struct {
		Code int    `json:"code"`
		Data Person `json:"data"`
	}

	got, err := c.asker.client.Get(ctx, c.settings.URL+pathProfile, map[string]string{
		"Accept": "application/json", "Authorization": "Bearer " + token,
	})
	if err == nil {
		err = decode(got, &answer)
	}

	switch {
	case err != nil:
		return Person{}, err
	case got.Status != statusOK || answer.Code != 0:
		return Person{}, fmt.Errorf("status %d, code %d", got.Status, answer.Code)
	case !idForm.MatchString(answer.Data.OpenID):
		return Person{}, errors.New("a response without a user")
	}

	return answer.Data.tidy(), nil
}

// idForm is the form of Lark's ids, as in ou_caecc734c2e3328a62489fe0648c4b98779515d3.
var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
