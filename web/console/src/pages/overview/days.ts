import type { StatisticsHour } from '@konec/toolkit-gateway'

/** The kinds of counts. */
export const kinds = ['signIns', 'failures', 'registrations'] as const
export type Kind = (typeof kinds)[number]

export interface Day extends Record<Kind, number> {
  /** Its midnight, in the reader's time zone. */
  date: Date
}

/** The last days, today included, with nothing in them yet. */
export function lastDays(count: number, now: Date): Day[] {
  return Array.from({ length: count }, (_, i) => ({
    // Not a multiple of 24 hours: two days of a year are longer or shorter if clocks change.
    date: new Date(now.getFullYear(), now.getMonth(), now.getDate() - (count - 1) + i),
    signIns: 0,
    failures: 0,
    registrations: 0,
  }))
}

/** Adds the hours to the days in which they begin. Earlier hours are not shown. */
export function fill(days: Day[], hours: StatisticsHour[]): Day[] {
  const filled = new Map(days.map((day) => [day.date.toDateString(), { ...day }]))

  for (const hour of hours) {
    const day = filled.get(new Date(hour.at).toDateString())
    if (day) {
      kinds.forEach((kind) => (day[kind] += hour[kind]))
    }
  }

  return [...filled.values()]
}
