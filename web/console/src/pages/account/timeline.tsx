import { Group, Stack, Text } from '@mantine/core'
import {
  type AdminAccount,
  type AuditEvent,
  type Delivery,
  getTimeline,
  type TimelineEntry,
} from '@konec/toolkit-gateway'

import { ask, client } from '../../gateway'
import { DeliveryBadge } from '../../parts/badges'
import { deviceName } from '../../parts/device'
import { AccountLink, EventDetail, EventName } from '../../parts/event'
import { Listing } from '../../parts/listing'
import { Section } from '../../parts/page'
import { More, usePages } from '../../parts/pages'
import { placeOf } from '../../parts/place'
import { When } from '../../parts/when'
import { useWords } from '../../words'

/** The pages of an account's timeline; the first has the current reasons why the user cannot sign in. */
export function useTimeline(id: string) {
  return usePages(['account', id, 'timeline'], (cursor) =>
    ask(getTimeline({ client, path: { accountId: id }, query: { limit: 30, cursor } })),
  )
}

/** The events and deliveries of an account. */
export function Timeline({ account }: { account: AdminAccount }) {
  const words = useWords()
  const pages = useTimeline(account.id)
  const entries = pages.data?.pages.flatMap((page) => page.entries)

  return (
    <Section title={words.account.timeline}>
      <Listing
        label={words.account.timeline}
        rows={entries}
        idOf={(entry) => entry.delivery?.id ?? String(entry.event?.id)}
        failure={pages.error}
        retry={() => void pages.refetch()}
        empty={words.audit.empty}
        columns={[
          { key: 'at', head: words.audit.at, cell: (entry) => <When at={entry.at} seconds /> },
          { key: 'what', head: words.audit.action, cell: (entry) => <What entry={entry} /> },
          { key: 'from', head: words.audit.address, cell: (entry) => entry.event && <From event={entry.event} /> },
        ]}
      />
      {entries && <More pages={pages} shown={entries.length} />}
    </Section>
  )
}

function What({ entry: { event, delivery } }: { entry: TimelineEntry }) {
  return (
    <Stack gap={2}>
      {event && <EventLine event={event} />}
      {delivery && <DeliveryLine delivery={delivery} />}
    </Stack>
  )
}

function EventLine({ event }: { event: AuditEvent }) {
  const words = useWords()
  const by = event.actorId !== '' && event.actorId !== event.accountId

  return (
    <>
      <Group gap={6}>
        <EventName action={event.action} />
        {event.method && (
          <Text span size="sm" c="dimmed">
            {words.factors[event.method] ?? event.method}
          </Text>
        )}
      </Group>
      <EventDetail event={event} />
      {by && (
        <Group gap={4}>
          <Text span size="xs" c="dimmed">
            {words.audit.by}
          </Text>
          <AccountLink id={event.actorId} />
        </Group>
      )}
    </>
  )
}

function DeliveryLine({ delivery }: { delivery: Delivery }) {
  const words = useWords()

  return (
    <>
      <Group gap={6}>
        <Text span size="sm" fw={500}>
          {words.deliveries.channels[delivery.channel]}
          {words.colon}
          {words.kinds[delivery.kind] ?? delivery.kind}
        </Text>
        <DeliveryBadge state={delivery.state} />
      </Group>
      <Text span size="sm" c="dimmed">
        {delivery.recipient}
      </Text>
      {delivery.lastError && (
        <Text span size="sm" c="var(--mantine-color-red-text)">
          {delivery.lastError}
        </Text>
      )}
    </>
  )
}

function From({ event }: { event: AuditEvent }) {
  return (
    <Stack gap={0}>
      <Text span size="sm">
        {placeOf(event.address, event.location)}
      </Text>
      <Text span size="xs" c="dimmed" title={event.userAgent}>
        {deviceName(event.userAgent)}
      </Text>
    </Stack>
  )
}
