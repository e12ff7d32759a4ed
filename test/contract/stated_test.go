package contract_test

import (
	"crypto/sha256"
	"go/constant"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/federation"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// facts are the values of settings and constants that the document states.
type facts struct {
	defaults config.Config

	recent, statistics, statisticsDefault, kept, xsrf time.Duration
	devices, waiting, exported, held, replayed        int64
	faults, secretID, secretKey, webhookSecret        int64
}

// stated names, for each place of the document that states numbers, the values of the code that they are.
func stated(t *testing.T) map[string][]any {
	t.Helper()

	f := readFacts(t)
	d := f.defaults
	fresh, recent := []any{authority.Fresh}, []any{f.recent}
	digits, bytes := []any{code.Digits}, []any{password.MaxBytes}
	mostAssigned := *apptest.Document().Components.Schemas["AssignGroupRequest"].Value.Properties["accounts"].Value.MaxItems

	return map[string][]any{
		"info": {
			code.Digits, session.Grace, d.RefreshPatience, d.RefreshPatience + 20*time.Second, httpapi.MaxHeader, httpapi.MaxBody,
			d.BrowserIdle, d.BrowserMax, authority.Fresh, idempotency.Lifetime,
		},
		"parameters/AccountText": {administration.LeastOfID},
		"login":                  {d.SessionLimit},
		"refresh":                {session.Grace, session.MostRivals, d.SessionIdle, d.SessionMax, d.RefreshPatience, f.waiting},
		"listDevices":            {f.devices},
		"listUserDevices":        {f.devices},
		"sendRegistrationCode":   {code.Digits, code.Registration.Lifetime, code.MaxAttempts, d.SendCooldown, d.SendsPerHour, d.NetworkSends},
		"sendResetCode":          {code.Digits, code.Reset.Lifetime, code.MaxAttempts, d.SendCooldown, d.SendsPerHour},
		"sendSignInCode":         {code.Digits, code.SignIn.Lifetime, code.MaxAttempts, d.SendCooldown, d.SendsPerHour},
		"sendPhoneCode":          {code.Digits, code.Phone.Lifetime, code.MaxAttempts, f.recent},

		"load":                     {f.xsrf},
		"signIn":                   {d.FailuresFree, d.FailureDelay, d.FailureDelayMax},
		"createRefreshCode":        {code.Renewal.Lifetime, 2 * randomid.Length},
		"renewSession":             {code.Renewal.Lifetime, session.CookieGrace, d.BrowserIdle, d.BrowserMax},
		"reauthenticateBrowser":    {session.CookieGrace},
		"signInWithLark":           {code.IdentityTicket.Lifetime},
		"returnFromLark":           {code.IdentityTicket.Lifetime},
		"authorizeLark":            {federation.Lifetime, f.recent},
		"signInWithTOTP":           {factor.MaxFailures, code.Digits},
		"createTOTP":               {factor.PendingLifetime, f.recent},
		"bindTOTP":                 {factor.RecoveryCodeCount, account.Undoable, f.recent},
		"createRecoveryCodes":      {factor.RecoveryCodeCount, account.Undoable, f.recent},
		"keepFactor":               {factor.RecentlyBound, f.recent},
		"confirmEmail":             {code.EmailLink.Lifetime, account.Undoable},
		"resetWithLink":            {code.Reset.Lifetime},
		"registerWithLink":         {code.Registration.Lifetime},
		"createFirstAdministrator": {code.FirstRun.Lifetime},
		"changeUser":               recent, "setSecondFactor": recent, "bindPhone": recent, "getTOTPPicture": recent, "unbind": recent,

		"createAccount": fresh, "setAccountGroup": fresh, "resetFactor": fresh, "createGroup": fresh, "changeGroup": fresh,
		"deleteGroup": fresh, "changeWebhook": fresh, "deleteWebhook": fresh, "liftLimit": fresh, "responses/AdminInvalidOrStale": fresh,
		"assignGroup":           {mostAssigned, authority.Fresh},
		"deleteAccount":         {d.AccountRetention, authority.Fresh},
		"exportAccount":         {f.exported, authority.Fresh},
		"getStatistics":         {f.statistics, f.statisticsDefault},
		"createWebhook":         {webhook.Most, webhook.CallTimeout, webhook.Attempts(), webhook.Insistence(), authority.Fresh},
		"rotateWebhookSecret":   {webhook.Overlap, authority.Fresh},
		"replayWebhook":         {f.replayed},
		"listWebhookDeliveries": {f.kept},
		"listLimits":            {f.held},

		"sendLoginSMS":              {code.Digits, code.SignIn.Lifetime, code.MaxAttempts, d.SendCooldown, d.SendsPerHour},
		"sendLoginMail":             {code.Digits, code.SignInMail.Lifetime, code.MaxAttempts, d.SendCooldown, d.SendsPerHour},
		"sendSignInMail":            {code.Digits, code.SignInMail.Lifetime, code.MaxAttempts, d.SendCooldown, d.SendsPerHour},
		"sendForgottenPasswordCode": {code.Digits, code.Reset.Lifetime, code.MaxAttempts, d.SendCooldown, d.SendsPerHour},
		"sendMyEmailCode":           {code.Digits, code.Email.Lifetime, f.recent},
		"changeMyEmail":             {account.Undoable, f.recent},
		"sendMyPhoneCode":           {code.Digits, code.Phone.Lifetime, code.MaxAttempts, f.recent},
		"bindMyPhone":               {account.Undoable, f.recent},
		"createMyTOTP":              {factor.PendingLifetime, f.recent},
		"bindMyTOTP":                {factor.RecoveryCodeCount, account.Undoable, f.recent},
		"createMyRecoveryCodes":     {factor.RecoveryCodeCount, account.Undoable, f.recent},
		"keepMyFactor":              {factor.RecentlyBound, f.recent},
		"bindMyLark":                {account.Undoable, f.recent},
		"authorizeLarkForApp":       {code.AppGrant.Lifetime, 8 * sha256.Size},
		"unbindMyPhone":             recent, "unbindMyTOTP": recent, "unbindMyLark": recent, "getMyTOTPPicture": recent, "setMySecondFactor": recent,

		"deleteMe":   {d.AccountRetention, f.recent},
		"deleteUser": {d.AccountRetention, f.recent},
		"exportMe":   recent, "exportUser": recent, "schemas/TrustDevice": {device.TrustLifetime},

		"schemas/ErrorBody":    {f.faults},
		"schemas/ErrorCode":    {webhook.Most, httpapi.MaxBody},
		"schemas/NewPassword":  {d.PasswordMinLength, password.MaxBytes},
		"schemas/Confirmation": bytes, "schemas/LoginRequest": bytes, "schemas/SignInRequest": bytes,
		"schemas/SixDigits": digits, "schemas/RegisterRequest": digits, "schemas/TOTPSignInRequest": digits,
		"responses/BodyTooLarge":    {httpapi.MaxBody},
		"parameters/IdempotencyKey": {idempotency.Lifetime},

		"schemas/Options":               {f.secretID, f.secretKey, 1024}, // KB of the console are 1024 bytes
		"schemas/WebhookSecretResponse": {f.webhookSecret},

		// What the contract and Standard Webhooks fix.
		"schemas/User": {24}, "schemas/PublicUser": {24}, "parameters/WebhookMessageTime": {5 * time.Minute},
	}
}

// readFacts reads the defaults of the settings, and the constants that their packages do not export.
func readFacts(t *testing.T) facts {
	t.Helper()

	defaults, err := config.Load(map[string]string{"DATABASE_URL": "postgres://nowhere.invalid/none", "MASTER_KEY": keyring.Generate()})
	if err != nil {
		t.Fatal(err)
	}

	constants := sourceConstants(t, "domain/profile", "domain/session", "domain/device", "domain/webhook", "domain/administration",
		"surface/admin", "surface/public", "platform/httpapi", "platform/standardwebhook")
	read := func(name string) int64 {
		value, ok := constants[name]
		if !ok {
			t.Fatalf("no constant %s", name)
		}

		return value
	}

	return facts{
		defaults: defaults, recent: time.Duration(read("profile.recent")), waiting: read("session.waitingOfSession"),
		devices: read("device.most"), kept: time.Duration(read("webhook.retention")), replayed: read("webhook.mostReplayed"),
		held: read("administration.mostHeld"), statistics: time.Duration(read("admin.longestPeriod")),
		statisticsDefault: time.Duration(read("admin.defaultPeriod")), exported: read("admin.exported"),
		xsrf: time.Duration(read("public.xsrfLifetime")), secretID: read("public.secretIDLength"), secretKey: read("public.secretKeyLength"),
		faults: read("httpapi.maxFaults"), webhookSecret: read("standardwebhook.newSecret"),
	}
}

// sourceConstants reads the whole numbers among the constants of packages below internal, the ones that are not exported
// included. The key is the package's name and the constant's, such as device.most.
func sourceConstants(t *testing.T, folders ...string) map[string]int64 {
	t.Helper()

	var patterns []string
	for _, folder := range folders {
		patterns = append(patterns, "./internal/"+folder)
	}

	packages, exports := listPackages(t, patterns...)
	files := token.NewFileSet()
	from := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	found := map[string]int64{}

	for _, one := range packages {
		_, _, checked := checkPackage(t, files, from, one)

		for _, name := range checked.Scope().Names() {
			if object, ok := checked.Scope().Lookup(name).(*types.Const); ok {
				if value, exact := constant.Int64Val(constant.ToInt(object.Val())); exact {
					found[checked.Name()+"."+name] = value
				}
			}
		}
	}

	return found
}
