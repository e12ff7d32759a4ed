import { Anchor, Group, Text } from '@mantine/core'
import type { AuditEvent } from '@konec/toolkit-gateway'
import { Fragment } from 'react'
import { Link } from 'react-router'

import { useWords, type Words } from '../words'
import { When } from './when'

/** Events that point to trouble. */
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

/** One detail of an event, in the reader's language if its values are known. */
export function DetailValue({ event, name, value }: { event: AuditEvent; name: string; value: string }) {
  const words = useWords()

  switch (name) {
    case 'rights':
    case 'rightsBefore':
      return <>{rightsIn(words, value)}</>
    case 'requiresTotp':
    case 'totpSecrets':
    case 'enabled':
      return <>{{ true: words.yes, false: words.no }[value] ?? value}</>
    case 'change':
      return <>{value === 'reset' ? words.account.factor.reset : value}</>
    case 'from': // a status, except where a group was assigned
      return <>{event.action === 'account.group_set' ? value : statusIn(words, value)}</>
    case 'until':
      return <When at={value} seconds />
    case 'limit': // those for sending name the kind of code first, which the event has beside it
      return <>{limitIn(words, value)}</>
    default:
      return <>{value}</>
  }
}

/** The name of a limit. */
export function limitIn(words: Words, name: string): string {
  return words.limits[name] ?? words.limits[name.split('/').at(-1) ?? ''] ?? name
}

/** The details of an event, in one line: from what to what, and why. */
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
          {words.detail[name] ?? name}
          {words.colon}
          <DetailValue event={event} name={name} value={value} />
        </Fragment>
      ))}
    </Text>
  )
}

/** The names of rights that are separated by spaces. */
function rightsIn(words: Words, value: string): string {
  const names: Record<string, string> = words.rights
  const rights = value.split(' ').filter(Boolean)

  return rights.map((right) => names[right] ?? right).join(words.comma) || words.none
}

function statusIn({ account }: Words, value: string): string {
  return { active: account.active, disabled: account.disabled, deleted: account.deleted }[value] ?? value
}

/** An account's id, as a link to its page. */
export function AccountLink({ id, label }: { id: string; label?: string }) {
  return (
    <Group gap={4} component="span">
      <Anchor component={Link} to={`/accounts/${id}`} size="sm" ff={label ? undefined : 'monospace'}>
        {label ?? id}
      </Anchor>
    </Group>
  )
}
