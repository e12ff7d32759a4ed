package resilience_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/pgproxy"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// interruption is an operation, a point in it at which a connection breaks, and the effect that must still happen
// exactly once.
type interruption struct {
	at      pgproxy.Point // where the connection to the database breaks
	inside  string        // the query at which a client disconnects, before COMMIT if there is one
	prepare func(t *testing.T, env *apptest.Env) runOperation
	want    int            // the expected status
	counts  map[string]int // the expected number that each SELECT returns
}

// runOperation runs the operation. It returns the status, and the refresh token if there is one.
type runOperation func(ctx context.Context) (status int, refreshToken string, err error)

var interruptions = map[string]interruption{
	"Refresh": {
		at: pgproxy.AtStatement("SessionRotate"), inside: "SessionRotate", prepare: prepareRefresh(0), want: http.StatusOK,
		counts: map[string]int{"SELECT generation FROM session": 1},
	},
	"RefreshAfterALostAnswer": {
		at: pgproxy.AtCommit("SessionOpenRival"), inside: "SessionOpenRival", prepare: prepareRefresh(1), want: http.StatusOK,
		counts: map[string]int{"SELECT generation FROM session": 1, "SELECT rival FROM session": 2, "SELECT rivals FROM session": 1},
	},
	"RefreshWithAnOldToken": {
		at: pgproxy.AtCommit("SessionRevoke"), inside: "AuditEventRecord", prepare: prepareRefresh(2), want: http.StatusUnauthorized,
		counts: map[string]int{
			"SELECT count(*) FROM session WHERE revoked_at IS NOT NULL":                             1,
			"SELECT count(*) FROM audit_event WHERE action = 'session.refresh_token_reused'":        1,
			"SELECT count(*) FROM delivery":                                                         1,
			"SELECT count(*) FROM river_job WHERE kind NOT IN ('cleaning', 'key_rotation')":         1,
			"SELECT count(*) FROM audit_event WHERE action = 'session.ended' OR account_id IS NULL": 0,
		},
	},
	"Login": {
		at: pgproxy.AtCommit("AccountSignIn"), inside: "AuditEventRecord", prepare: prepareLogin, want: http.StatusOK,
		counts: map[string]int{
			"SELECT count(*) FROM session":                                        1,
			"SELECT sign_in_count FROM account":                                   1,
			"SELECT count(*) FROM audit_event WHERE action = 'sign_in.succeeded'": 1,
		},
	},
	"Logout": {
		at: pgproxy.AtCommit("SessionRevoke"), inside: "AuditEventRecord", prepare: prepareLogout, want: http.StatusNoContent,
		counts: map[string]int{
			"SELECT count(*) FROM session WHERE revoked_at IS NOT NULL":       1,
			"SELECT count(*) FROM audit_event WHERE action = 'session.ended'": 1,
		},
	},
	"BrowserSignIn": {
		at: pgproxy.AtCommit("AccountSignIn"), inside: "AuditEventRecord", prepare: prepareBrowserSignIn, want: http.StatusNoContent,
		counts: oneMoreSignIn,
	},
	"Renewal": {
		at: pgproxy.AtCommit("SessionRenew"), inside: "SessionRenew", prepare: prepareRenewal, want: http.StatusNoContent,
		counts: oneRenewal,
	},
	"SignOut": {
		at: pgproxy.AtCommit("SessionRevoke"), inside: "AuditEventRecord", prepare: prepareSignOut, want: http.StatusNoContent,
		counts: map[string]int{
			"SELECT count(*) FROM session WHERE revoked_at IS NOT NULL":       1,
			"SELECT count(*) FROM audit_event WHERE action = 'session.ended'": 1,
		},
	},
	"SendCode": {
		at: pgproxy.AtCommit("CodeIssue"), inside: "DeliveryCreate", prepare: prepareSendCode, want: http.StatusOK,
		counts: map[string]int{
			"SELECT count(*) FROM code WHERE purpose NOT LIKE '%-link'":                     1,
			"SELECT count(*) FROM delivery":                                                 1,
			"SELECT count(*) FROM audit_event":                                              1,
			"SELECT coalesce(max(count), 0) FROM throttle":                                  1,
			"SELECT count(*) FROM river_job WHERE kind NOT IN ('cleaning', 'key_rotation')": 1,
		},
	},
	"Register": {
		at: pgproxy.AtCommit("AccountCreate"), inside: "AccountCreate", prepare: prepareRegister, want: http.StatusCreated,
		counts: registered,
	},
	"RegisterWhereTheGuessIsCounted": {
		at: pgproxy.AtCommit("CodeAttempt"), inside: "CodeAttempt", prepare: prepareRegister, want: http.StatusCreated,
		counts: registered,
	},
}

var registered = map[string]int{
	"SELECT count(*) FROM account":                                          1,
	"SELECT count(*) FROM code WHERE purpose NOT LIKE '%-link'":             0,
	"SELECT count(*) FROM audit_event WHERE action = 'account.registered'":  1,
	"SELECT count(*) FROM audit_event WHERE action <> 'account.registered'": 0,
}

// V-04, V-20, R-M2, R-M3, T-14, T-36: if a connection breaks before COMMIT, or between COMMIT and its response, the
// server repeats the transaction. It has one effect, and the caller does not notice.
func TestConnectionBreaks(t *testing.T) {
	t.Parallel()

	for name, c := range interruptions {
		for moment, action := range map[string]pgproxy.Action{"Before": pgproxy.CutBefore, "After": pgproxy.CutAfter} {
			t.Run(name+moment, func(t *testing.T) {
				t.Parallel()

				proxy := pgproxy.New(t, postgrestest.New(t))
				env := apptest.On(t, proxy.URL)
				run := c.prepare(t, env)
				fault := proxy.Inject(c.at, action)

				status, successor, err := run(t.Context())
				if err != nil || status != c.want {
					t.Errorf("%d %v, want %d", status, err, c.want)
				}

				select {
				case <-fault.Reached:
				default:
					t.Error("nothing was cut: the test proves nothing")
				}

				if wrong := c.fault(t, env); wrong != "" {
					t.Error(wrong)
				}

				if successor != "" {
					if status, _ := env.Refresh(t, successor); status != http.StatusOK {
						t.Errorf("the returned refresh token got %d", status)
					}
				}
			})
		}
	}
}

// F-14, R-M3, T-36: an operation whose client disconnects in the middle has its whole effect, once.
func TestClientHangsUp(t *testing.T) {
	t.Parallel()

	for name, c := range interruptions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			proxy := pgproxy.New(t, postgrestest.New(t))
			env := apptest.On(t, proxy.URL)
			run := c.prepare(t, env)
			fault := proxy.Inject(pgproxy.AtStatement(c.inside), pgproxy.HoldBefore)

			ctx, hangUp := context.WithCancel(t.Context())
			response := make(chan error, 1)

			go func() {
				_, _, err := run(ctx)
				response <- err
			}()

			<-fault.Reached
			hangUp()

			if err := <-response; err == nil {
				t.Error("the client got a response: the test proves nothing")
			}

			close(fault.Release)

			apptest.Eventually(t, "the whole effect has happened", func() bool { return c.fault(t, env) == "" })
		})
	}
}

// fault returns a description of a wrong effect, or an empty string.
func (c interruption) fault(t *testing.T, env *apptest.Env) string {
	t.Helper()

	for query, want := range c.counts {
		var got int
		if err := env.Pool.QueryRow(t.Context(), query).Scan(&got); err != nil {
			t.Fatal(err)
		}

		if got != want {
			return fmt.Sprintf("%s: %d, want %d", query, got, want)
		}
	}

	return ""
}

// prepareRefresh sends the current token, the one before it, or an older one.
func prepareRefresh(old int) func(*testing.T, *apptest.Env) runOperation {
	return func(t *testing.T, env *apptest.Env) runOperation {
		t.Helper()
		env.Account(t, world.PersonEmail)

		token := env.SignIn(t, world.PersonEmail).RefreshToken
		newest := token

		for range old {
			_, tokens := env.Refresh(t, newest)
			newest = tokens.RefreshToken

			env.Clock.Advance(session.LostAfter + time.Second)
		}

		return func(ctx context.Context) (int, string, error) {
			result, err := env.Client.RefreshWithResponse(ctx, client.RefreshRequest{RefreshToken: token})
			if err != nil {
				return 0, "", err
			}

			if result.JSON200 == nil {
				return result.StatusCode(), "", nil
			}

			return result.StatusCode(), result.JSON200.RefreshToken, nil
		}
	}
}

func prepareLogin(t *testing.T, env *apptest.Env) runOperation {
	t.Helper()
	env.Account(t, world.PersonEmail)

	return func(ctx context.Context) (int, string, error) {
		result, err := env.Client.LoginWithFormdataBodyWithResponse(ctx, nil, client.LoginRequest{Email: world.PersonEmail, Password: apptest.Password})
		if err != nil {
			return 0, "", err
		}

		if result.JSON200 == nil {
			return result.StatusCode(), "", nil
		}

		return result.StatusCode(), result.JSON200.RefreshToken, nil
	}
}

func prepareLogout(t *testing.T, env *apptest.Env) runOperation {
	t.Helper()
	env.Account(t, world.PersonEmail)

	tokens := env.SignIn(t, world.PersonEmail)

	return func(ctx context.Context) (int, string, error) {
		result, err := env.Client.LogoutWithResponse(ctx, apptest.Bearer(tokens.AccessToken))
		if err != nil {
			return 0, "", err
		}

		return result.StatusCode(), "", nil
	}
}

func prepareSendCode(_ *testing.T, env *apptest.Env) runOperation {
	return func(ctx context.Context) (int, string, error) {
		result, err := env.Client.SendRegistrationCodeWithResponse(ctx, client.SendCodeRequest{Email: world.PersonEmail})
		if err != nil {
			return 0, "", err
		}

		return result.StatusCode(), "", nil
	}
}

func prepareRegister(t *testing.T, env *apptest.Env) runOperation {
	t.Helper()

	keys, err := keyring.Parse(env.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	plain, _, err := code.New(nil, keys, code.Budget{}, env.Clock.Now).Issue(t.Context(), env.Pool, code.Registration, world.PersonEmail)
	if err != nil {
		t.Fatal(err)
	}

	return func(ctx context.Context) (int, string, error) {
		result, err := env.Client.RegisterWithResponse(ctx, client.RegisterRequest{
			Username: "Person", Email: world.PersonEmail, Password: apptest.Password, VerificationCode: plain,
		})
		if err != nil {
			return 0, "", err
		}

		return result.StatusCode(), "", nil
	}
}
