package factor

import "github.com/konec/toolkit-gateway/internal/domain/throttle"

// BudgetUse returns a use of the day's budget of failed guesses over all accounts.
func BudgetUse(most int32) throttle.Use {
	return throttle.Use{Limit: throttle.Limit{Name: budgetKey, Max: most, Window: budgetWindow}, Key: budgetKey}
}
