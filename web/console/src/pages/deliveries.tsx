import { Button, Group, NativeSelect, Text, TextInput } from '@mantine/core'
import { type Delivery, listDeliveries } from '@konec/toolkit-gateway'
import { type FormEvent, useEffect, useState } from 'react'

import { ask, client } from '../gateway'
import { instant, useParameters } from '../parameters'
import { DeliveryBadge } from '../parts/badges'
import { Listing } from '../parts/listing'
import { Page } from '../parts/page'
import { More, usePages } from '../parts/pages'
import { Panel } from '../parts/panel'
import { When } from '../parts/when'
import { useWords } from '../words'

/** The mails and text messages, and why one was not delivered. */
export function DeliveriesPage() {
  const words = useWords()
  const [filters, setFilters] = useParameters('recipient', 'state', 'from', 'to')
  const [recipient, setRecipient] = useState(filters.recipient)

  useEffect(() => setRecipient(filters.recipient), [filters.recipient])

  const question = {
    ...(filters.recipient && { recipient: filters.recipient }),
    ...(filters.state && { state: filters.state as Delivery['state'] }),
    from: instant(filters.from),
    to: instant(filters.to),
  }
  const pages = usePages(['deliveries', question], (cursor) =>
    ask(listDeliveries({ client, query: { ...question, limit: 50, cursor } })),
  )
  const rows = pages.data?.pages.flatMap((page) => page.deliveries)

  const submit = (event: FormEvent) => {
    event.preventDefault()
    setFilters({ recipient: recipient.trim() })
  }

  return (
    <Page title={words.pages.deliveries}>
      <Panel>
        <form onSubmit={submit} role="search">
          <Group gap="sm" align="flex-end">
            <TextInput
              type="search"
              label={words.deliveries.recipient}
              value={recipient}
              onChange={(event) => setRecipient(event.currentTarget.value)}
              minLength={3}
              maxLength={254}
              flex="1 1 16rem"
            />
            <NativeSelect
              label={words.deliveries.state}
              value={filters.state}
              onChange={(event) => setFilters({ state: event.currentTarget.value })}
              data={[
                { value: '', label: words.all },
                ...Object.entries(words.deliveries.states).map(([value, label]) => ({ value, label })),
              ]}
            />
            {(['from', 'to'] as const).map((name) => (
              <TextInput
                key={name}
                type="datetime-local"
                label={words.audit[name]}
                value={filters[name]}
                onChange={(event) => setFilters({ [name]: event.currentTarget.value })}
                flex="1 1 11rem"
              />
            ))}
            <Button type="submit">{words.search}</Button>
            <Button variant="default" onClick={() => setFilters({ recipient: '', state: '', from: '', to: '' })}>
              {words.clear}
            </Button>
          </Group>
        </form>
      </Panel>
      <Listing
        label={words.pages.deliveries}
        rows={rows}
        idOf={(delivery) => delivery.id}
        failure={pages.error}
        retry={() => void pages.refetch()}
        empty={words.deliveries.empty}
        columns={[
          { key: 'created', head: words.deliveries.created, cell: (one) => <When at={one.createdAt} seconds /> },
          { key: 'recipient', head: words.deliveries.recipientShort, cell: (one) => one.recipient },
          { key: 'channel', head: words.deliveries.channel, cell: (one) => words.deliveries.channels[one.channel] },
          { key: 'kind', head: words.deliveries.kind, cell: (one) => words.kinds[one.kind] ?? one.kind },
          { key: 'state', head: words.deliveries.state, cell: (one) => <DeliveryBadge state={one.state} /> },
          { key: 'attempts', head: words.deliveries.attempts, cell: (one) => one.attempts },
          {
            key: 'error',
            head: words.deliveries.error,
            long: true,
            cell: (one) =>
              one.lastError && (
                <Text span size="sm" c="var(--mantine-color-red-text)">
                  {one.lastError}
                </Text>
              ),
          },
        ]}
      />
      {rows && <More pages={pages} shown={rows.length} />}
    </Page>
  )
}
