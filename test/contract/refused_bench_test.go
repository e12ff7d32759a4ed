package contract_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// BenchmarkRefusedBody measures the CPU time of the process for bodies that are refused, of nearly 64 KiB each.
// SEC-S7, T-03: at most 5 ms each.
//
//	go test ./test/contract -run '^$' -bench RefusedBody -benchtime 50x
func BenchmarkRefusedBody(b *testing.B) {
	g := world.NewGateway(b, world.WithoutWaits)
	handler := g.App.Handler()

	const size = 64_000

	fill := func(open, one, closing string) string {
		return open + strings.TrimSuffix(strings.Repeat(one, (size-len(open)-len(closing))/len(one)), ",") + closing
	}
	numbered := func(open, one, closing string) string {
		text := open
		for i := 0; len(text) < size-len(closing)-64; i++ {
			text += fmt.Sprintf(one, i)
		}

		return strings.TrimRight(text, ",&") + closing
	}

	const (
		refresh = "POST /api/auth/refresh"
		form    = "POST /api/auth/login"
		code    = "POST /api/users/register/send-code"
		assign  = "POST /api/admin/accounts/assign-group"
		webhook = "POST /api/admin/webhooks"
	)

	for _, one := range []struct{ name, operation, body string }{
		{"unknown members", refresh, numbered(`{`, `"%d":1,`, `}`)},
		{"deep arrays", refresh, strings.Repeat("[", size)},
		{"deep objects", refresh, fill(``, `{"a":`, ``)},
		{"one member with a long array", refresh, fill(`{"refresh_token":[`, `1,`, `]}`)},
		{"a long text", refresh, fill(`{"refresh_token":"`, `x`, `"}`)},
		{"a long address", code, fill(`{"email":"a@`, `a.`, `b"}`)},
		{"a long address of escapes", code, fill(`{"email":"`, `\u00e9`, `@example.com"}`)},
		{"the longest text that is read", code, `{"email":"` + strings.Repeat("é.", 330) + `@é"}`},
		{"a long number", refresh, fill(`{"refresh_token":`, `1`, `}`)},
		{"a large exponent", refresh, `{"refresh_token":1e99999999999999999999999999}`},
		{"the same member", refresh, fill(`{`, `"refresh_token":"x",`, `}`)},
		{"long names", refresh, fill(`{"a`, `a`, `":1}`)},
		{"fifty unknown members with long names", refresh, fiftyMembers(1000)},
		{"broken UTF-8", code, fill(`{"email":"`, "\xff", `"}`)},
		{"white space", refresh, fill(`{`, " ", `}`)},
		{"accounts that are not", assign, `{"memberGroup":"Member","accounts":[` + strings.TrimSuffix(strings.Repeat(`{"id":"x","x":1},`, 100), ",") + `]}`},
		{"accounts with unknown members", assign, fill(`{"memberGroup":"Member","accounts":[`, `{"a":1,"b":2,"c":3},`, `]}`)},
		{"actions that are not", webhook, fill(`{"actions":[`, `"x",`, `]}`)},
		{"actions as long as they may be", webhook, `{"actions":[` + strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("é", 500)+`",`, 50), ",") + `]}`},
		{"accounts with everything wrong", assign, `{"memberGroup":"` + strings.Repeat("x", 200) + `","accounts":[` +
			strings.TrimSuffix(strings.Repeat(`{"id":"`+strings.Repeat("x", 250)+`","version":1e9,"x":1},`, 100), ",") + `]}`},
		{"form fields", form, numbered(``, `%d&`, ``)},
		{"a long form field", form, fill(`password=x&email=`, `a.`, ``)},
		{"a form field of escapes", form, fill(`password=x&email=a%40`, `%C3%A9.`, `b`)},
		{"forty-nine form fields", form, fortyNineFields(size)},
	} {
		b.Run(one.name, func(b *testing.B) {
			method, path, _ := strings.Cut(one.operation, " ")
			spent := cpuTime(b)

			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), method, path, strings.NewReader(one.body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Accept-Language", "en")

				if one.operation == form {
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}

				if strings.HasPrefix(path, "/api/admin") {
					r.Header.Set("Authorization", "Bearer "+g.AdminTokens.AccessToken)
				}

				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)

				if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "INVALID_REQUEST") {
					b.Fatalf("status %d: %.300s", w.Code, w.Body)
				}
			}

			b.ReportMetric(float64((cpuTime(b)-spent).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

func fiftyMembers(length int) string {
	list := make([]string, 50)
	for i := range list {
		list[i] = fmt.Sprintf(`"%d%s":1`, i, strings.Repeat("n", length))
	}

	return "{" + strings.Join(list, ",") + "}"
}

func fortyNineFields(size int) string {
	list := make([]string, 49)
	for i := range list {
		list[i] = fmt.Sprintf("f%d=%s", i, strings.Repeat("%41", size/49/3-4))
	}

	return strings.Join(list, "&")
}

// cpuTime returns the CPU time that this process has spent.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()

	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}

	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
