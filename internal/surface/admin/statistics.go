package admin

import (
	"context"
	"time"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

const (
	day           = 24 * time.Hour
	defaultPeriod = 30 * day
	longestPeriod = 92 * day
	// mostHours are the hours of the longest period, and one more because its beginning is rounded down, as in the document.
	mostHours = int32(longestPeriod/time.Hour) + 1
)

var (
	textPeriodReversed = language.Text{Chinese: "不能晚于 to", English: "must not be after to"}
	textPeriodLong     = language.Text{Chinese: "不能比 to 早 92 天以上", English: "must not be more than 92 days before to"}
)

// GetStatistics returns how many sign-ins, failures and registrations there were.
func (a *Admin) GetStatistics(ctx context.Context, r api.GetStatisticsRequestObject) (api.GetStatisticsResponseObject, error) {
	from, to, err := periodOf(r.Params, a.now())
	if err != nil {
		return nil, err
	}

	hours, err := a.events.Hours(ctx, from, to, mostHours)
	if err != nil {
		return nil, err
	}

	response := api.GetStatistics200JSONResponse{
		Success: true, From: convert.Time(from), To: convert.Time(to), Hours: make([]api.StatisticsHour, len(hours)),
	}

	for i, hour := range hours {
		response.Hours[i] = api.StatisticsHour{
			At: convert.Time(hour.At), SignIns: hour.SignIns, Failures: hour.Failures, Registrations: hour.Registrations,
		}
	}

	return response, nil
}

// periodOf returns the requested period.
func periodOf(asked api.GetStatisticsParams, now time.Time) (from, to time.Time, err error) {
	since, err := timeOf("from", asked.From)
	if err != nil {
		return from, to, err
	}

	until, err := timeOf("to", asked.To)
	if err != nil {
		return from, to, err
	}

	to = now
	if until != nil {
		to = *until
	}

	from = to.Add(-defaultPeriod)
	if since != nil {
		from = *since
	}

	// In UTC, where every hour begins at a multiple of an hour since the zero time.
	start := from.UTC().Truncate(time.Hour)

	switch {
	case to.UTC().Year() > 9999: // the response has no digits for it
		return from, to, refusedTime("to", textTime)
	case start.Year() < 0:
		return from, to, refusedTime("from", textTime)
	case from.After(to):
		return from, to, refusedTime("from", textPeriodReversed)
	case to.Sub(from) > longestPeriod:
		return from, to, refusedTime("from", textPeriodLong)
	}

	return start, to, nil
}

func refusedTime(name string, why language.Text) error {
	return problem.ErrInvalidRequest.WithFields(problem.Field{Name: "?" + name, Message: why})
}
