import type { Location } from '@konec/toolkit-gateway'

/** An address, and where it is as far as the server knows. */
export function placeOf(address: string, { country, city }: Location): string {
  return [address, [country, city].filter(Boolean).join(' ')].filter(Boolean).join(' · ')
}
