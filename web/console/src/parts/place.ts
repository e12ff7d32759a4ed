import type { Location } from '@konec/toolkit-gateway'

/** An address, and its location if the server knows it. */
export function placeOf(address: string, { country, city }: Location): string {
  return [address, [country, city].filter(Boolean).join(' ')].filter(Boolean).join(' · ')
}
