// Signup takes a new user through the Go SDK, against a gateway in development mode: code, account,
// tokens, refresh. Start one with `make run`, then:
//
//	go run ./examples/signup http://localhost:8080 me@konec.com.au
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: signup GATEWAY_URL EMAIL")
		os.Exit(2)
	}

	// In an outage the server waits for 40 s before it responds to a refresh, and there are two.
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()

	if err := run(ctx, os.Stdout, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "signup:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, gateway, email string) error {
	const password = "correct horse battery staple"

	sdk, err := client.NewClientWithResponses(gateway)
	if err != nil {
		return err
	}

	sent, err := sdk.SendRegistrationCodeWithResponse(ctx, client.SendCodeRequest{Email: email})
	if err != nil {
		return err
	} else if sent.JSON200 == nil {
		return refused("send-code", sent.Body)
	}

	fmt.Fprintln(out, "send-code:", sent.JSON200.Message)

	code, err := codeFromInbox(ctx, gateway, email)
	if err != nil {
		return err
	}

	registered, err := sdk.RegisterWithResponse(ctx, client.RegisterRequest{
		Username: "New User", Email: email, Password: password, VerificationCode: code,
	})
	if err != nil {
		return err
	} else if registered.JSON201 == nil {
		return refused("register", registered.Body)
	}

	fmt.Fprintln(out, "register:", registered.JSON201.Message)

	login, err := sdk.LoginWithFormdataBodyWithResponse(ctx, nil, client.LoginRequest{Email: email, Password: password})
	if err != nil {
		return err
	} else if login.JSON200 == nil {
		return refused("login", login.Body)
	}

	fmt.Fprintln(out, "login: expires in", login.JSON200.ExpiresIn, "seconds")

	if err := showMe(ctx, out, sdk, login.JSON200.AccessToken); err != nil {
		return err
	}

	renewed, err := refresh(ctx, sdk, login.JSON200.RefreshToken)
	if err != nil {
		return err
	}

	fmt.Fprintln(out, "refresh: a new refresh token:", renewed.RefreshToken != login.JSON200.RefreshToken)

	if err := showMe(ctx, out, sdk, renewed.AccessToken); err != nil {
		return err
	}

	// A second refresh that lost a race, or a repeat after a lost response, returns the same successor.
	again, err := refresh(ctx, sdk, login.JSON200.RefreshToken)
	if err != nil {
		return err
	}

	fmt.Fprintln(out, "refresh repeated: the same successor:", again.RefreshToken == renewed.RefreshToken)

	return nil
}

func showMe(ctx context.Context, out io.Writer, sdk *client.ClientWithResponses, accessToken string) error {
	me, err := sdk.GetMeWithResponse(ctx, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+accessToken)

		return nil
	})
	if err != nil {
		return err
	} else if me.JSON200 == nil {
		return refused("me", me.Body)
	}

	fmt.Fprintln(out, "me:", me.JSON200.User.Username, "in group", me.JSON200.User.MemberGroup)

	return nil
}

func refresh(ctx context.Context, sdk *client.ClientWithResponses, token string) (*client.Tokens, error) {
	response, err := sdk.RefreshWithResponse(ctx, client.RefreshRequest{RefreshToken: token})
	if err != nil {
		return nil, err
	} else if response.JSON200 == nil {
		return nil, refused("refresh", response.Body)
	}

	return response.JSON200, nil
}

// codeFromInbox waits for the mail, and reads its code.
func codeFromInbox(ctx context.Context, gateway, email string) (string, error) {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, gateway+"/dev/inbox", nil)
		if err != nil {
			return "", err
		}

		request.Header.Set("Accept", "application/json")

		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return "", err
		}

		var messages []struct{ To, Code string }

		err = json.NewDecoder(response.Body).Decode(&messages)
		if err = errors.Join(err, response.Body.Close()); err != nil {
			return "", fmt.Errorf("inbox: %w", err)
		}

		for _, message := range messages {
			if message.To == email {
				return message.Code, nil
			}
		}

		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// refused returns the gateway's error: a stable code for programs, a message for people.
func refused(operation string, body []byte) error {
	var answer client.ErrorBody
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("%s: unexpected response: %w", operation, err)
	}

	return fmt.Errorf("%s: %s: %s (request %s)", operation, answer.Code, answer.Message, answer.RequestID)
}
