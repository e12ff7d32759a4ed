import type { ListAccountsData } from '@konec/toolkit-gateway'

export type Kind = 'email' | 'phone' | 'id' | 'name'

/** Detects what was typed: an id, a number, an address, or otherwise a name. */
export function recognise(text: string): Kind {
  if (/^[0-9a-f]{24}$/i.test(text) || (/^[0-9a-f]{8,23}$/i.test(text) && /\d.*[a-f]|[a-f].*\d/i.test(text))) {
    return 'id'
  }
  if (/^\+\d{1,15}$/.test(dense(text)) || /^1[3-9]\d{3,9}$/.test(dense(text))) {
    return 'phone'
  }

  return /@|^[\w-]+\.[\w.-]*$/.test(text) ? 'email' : 'name'
}

/** The part of a query that searches for a text. A number without a country code is Chinese. */
export function lookingFor(text: string, kind: Kind): NonNullable<ListAccountsData['query']> {
  switch (kind) {
    case 'id':
      return { id: text.toLowerCase() }
    case 'phone':
      return { phone: dense(text).startsWith('+') ? dense(text) : `+86${dense(text)}` }
    case 'email':
      return { email: text }
    case 'name':
      return { name: text }
  }
}

/** Whole days, so that all pages of a list send the same query. */
export function daysAgo(days: number): string {
  const day = new Date(Date.now() - days * 86_400_000)
  day.setUTCHours(0, 0, 0, 0)

  return day.toISOString()
}

function dense(text: string): string {
  return text.replace(/[\s()-]/g, '')
}
