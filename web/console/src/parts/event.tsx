import { Anchor, Group, Text } from '@mantine/core'
import type { AuditEvent } from '@konec/toolkit-gateway'
import { Link } from 'react-router'

import { useWords } from '../words'

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

/** What more is known of an event, in a line: from what to what, and why. */
export function EventDetail({ event }: { event: AuditEvent }) {
  const words = useWords()
  const { from, to, ...rest } = event.detail
  const changed = from !== undefined && to !== undefined
  const limit = (name: string) => words.limits[name] ?? words.limits[name.split('/').at(-1) ?? ''] ?? name
  const parts = Object.entries(changed ? rest : event.detail).map(
    ([name, value]) => `${words.detail[name] ?? name}: ${name === 'limit' ? limit(value) : value}`,
  )

  if (changed) {
    parts.unshift(`${from} → ${to}`)
  }
  if (parts.length === 0) {
    return null
  }

  return (
    <Text span size="sm">
      {parts.join(' · ')}
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
