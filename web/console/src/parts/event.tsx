import { Anchor, Group, Text } from '@mantine/core'
import type { AuditEvent } from '@konec/toolkit-gateway'
import { Fragment } from 'react'
import { Link } from 'react-router'

import { useWords } from '../words'
import { When } from './when'

/** Events that somebody who looks for trouble looks for. */
const bad = new Set([
  'sign_in.failed',
  'code.refused',
  'password.refused',
  'limit.reached',
  'account.disabled',
  'session.refresh_token_reused',
  'totp.stopped',
])

export function EventName({ action }: { action: string }) {
  const words = useWords()

  return (
    <Text span size="sm" fw={500} c={bad.has(action) ? 'var(--mantine-color-red-text)' : undefined}>
      {words.events[action] ?? action}
    </Text>
  )
}

/** One thing more that is known of an event. */
export function DetailValue({ name, value }: { name: string; value: string }) {
  const words = useWords()

  switch (name) {
    case 'until':
      return <When at={value} seconds />
    case 'limit': // those for sending name the kind of code first, which the event has beside it
      return <>{words.limits[value] ?? words.limits[value.split('/').at(-1) ?? ''] ?? value}</>
    default:
      return <>{value}</>
  }
}

/** What more is known of an event, in a line: from what to what, and why. */
export function EventDetail({ event }: { event: AuditEvent }) {
  const words = useWords()
  const { from, to, ...rest } = event.detail
  const changed = from !== undefined && to !== undefined
  const parts = Object.entries(changed ? rest : event.detail)

  if (!changed && parts.length === 0) {
    return null
  }

  return (
    <Text span size="sm">
      {changed && `${from} → ${to}`}
      {parts.map(([name, value], i) => (
        <Fragment key={name}>
          {(changed || i > 0) && ' · '}
          {words.detail[name] ?? name}: <DetailValue name={name} value={value} />
        </Fragment>
      ))}
    </Text>
  )
}

/** An account's id, as the way to its page. */
export function AccountLink({ id, label }: { id: string; label?: string }) {
  return (
    <Group gap={4} component="span">
      <Anchor component={Link} to={`/accounts/${id}`} size="sm" ff={label ? undefined : 'monospace'}>
        {label ?? id}
      </Anchor>
    </Group>
  )
}
