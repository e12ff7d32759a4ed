package problem

// The problems that every surface and the pipeline share. A problem of one package is declared there.
var (
	ErrInvalidRequest       = New(Invalid, "INVALID_REQUEST")
	ErrUnauthenticated      = New(Unauthenticated, "UNAUTHENTICATED")
	ErrTokenInvalid         = New(Unauthenticated, "TOKEN_INVALID")
	ErrXSRFInvalid          = New(Forbidden, "XSRF_INVALID")
	ErrCrossSite            = New(Forbidden, "CROSS_SITE")
	ErrUpgradeRequired      = New(Forbidden, "UPGRADE_REQUIRED")
	ErrNotFound             = New(NotFound, "NOT_FOUND")
	ErrMethodNotAllowed     = New(MethodNotAllowed, "METHOD_NOT_ALLOWED")
	ErrNotAcceptable        = New(NotAcceptable, "NOT_ACCEPTABLE")
	ErrBodyTooLarge         = New(TooLarge, "BODY_TOO_LARGE")
	ErrUnsupportedMediaType = New(UnsupportedMedia, "UNSUPPORTED_MEDIA_TYPE")
	ErrTooManyRequests      = New(Limited, "TOO_MANY_REQUESTS")
	ErrInternal             = New(Internal, "INTERNAL")
	ErrUnavailable          = New(Unavailable, "UNAVAILABLE")
)

// Problems that several packages return, each under its own name.
var (
	ErrInvalidCredentials = New(Refused, "INVALID_CREDENTIALS")
	ErrCodeInvalid        = New(Invalid, "CODE_INVALID")
	ErrRightMissing       = New(Forbidden, "RIGHT_MISSING")
	ErrVersionConflict    = New(Outdated, "VERSION_CONFLICT")
)
