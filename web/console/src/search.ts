/** Whole days, so that all pages of a list send the same query. */
export function daysAgo(days: number): string {
  const day = new Date(Date.now() - days * 86_400_000)
  day.setUTCHours(0, 0, 0, 0)

  return day.toISOString()
}
