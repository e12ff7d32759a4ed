package signin

import (
	"context"

	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// methodDevice is a trusted device in place of the second factor, as the audit names it.
const methodDevice = "device"

// openTrusted opens the session for a right first factor if the request comes from a device that its user trusts, and returns
// ErrTOTPRequired otherwise. The device stands for the second factor of the sign-in alone: the session has the methods of the
// first one, so that rights and sensitive changes still ask for both.
func (s *SignIn) openTrusted(ctx context.Context, first proof, opener openSession) (newSession, error) {
	trusted, err := s.Devices.Trusted(ctx, first.accountID)
	if err != nil {
		return newSession{}, err
	} else if !trusted {
		return newSession{}, ErrTOTPRequired
	}

	p := first
	p.method, p.trusted = first.method+"+"+methodDevice, true
	p.use = func(ctx context.Context, tx postgres.Tx) error {
		trusted, err := s.Devices.TrustedIn(ctx, tx, first.accountID)
		if err != nil {
			return err
		} else if !trusted {
			return ErrTOTPRequired // its user has ended the trust at this moment
		}

		return first.use(ctx, tx)
	}

	return s.open(ctx, p, opener)
}
