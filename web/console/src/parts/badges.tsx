import { Badge } from '@mantine/core'
import type { AccountState, Delivery } from '@konec/toolkit-gateway'

import { useWords } from '../words'

/** The group that new accounts are in. */
export const newcomers = 'None'

export function GroupBadge({ name }: { name: string }) {
  return (
    <Badge
      variant="default"
      tt="none"
      fw={500}
      miw="max-content"
      style={name === newcomers ? { borderStyle: 'dashed' } : undefined}
    >
      {name}
    </Badge>
  )
}

export function StatusBadge({ status }: { status: AccountState }) {
  const words = useWords()

  return (
    <Badge
      variant="dot"
      tt="none"
      fw={500}
      miw="max-content"
      color={{ active: 'teal', disabled: 'red', deleted: 'gray' }[status]}
    >
      {words.account[status]}
    </Badge>
  )
}

const colors = { queued: 'blue', sent: 'teal', expired: 'orange', refused: 'red' }

export function DeliveryBadge({ state }: { state: Delivery['state'] }) {
  const words = useWords()

  return (
    <Badge
      variant="dot"
      tt="none"
      fw={500}
      miw="max-content"
      color={colors[state]}
      title={words.deliveries.stateHints[state]}
    >
      {words.deliveries.states[state]}
    </Badge>
  )
}
