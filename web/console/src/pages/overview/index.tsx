import { Anchor, Button, Group, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { listAccounts, listAuditEvents, listDeliveries } from '@konec/toolkit-gateway'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Link, useNavigate } from 'react-router'

import { ask, client } from '../../gateway'
import { useMay } from '../../me'
import { DeliveryBadge, newcomers } from '../../parts/badges'
import { EventName } from '../../parts/event'
import { FailureNote } from '../../parts/failure'
import { Listing } from '../../parts/listing'
import { Loading } from '../../parts/loading'
import { Page, Section } from '../../parts/page'
import { Panel } from '../../parts/panel'
import { ago, When } from '../../parts/when'
import { useLanguage, useWords } from '../../words'
import { Charts } from './charts'

/** What is waiting, a search for accounts, and statistics. */
export function OverviewPage() {
  const words = useWords()
  const mayRead = useMay('accounts.read')
  const mayAudit = useMay('audit.read')

  return (
    <Page title={words.pages.overview}>
      {mayRead && (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Waiting />
          <QuickSearch />
        </SimpleGrid>
      )}
      {mayAudit && <Charts />}
      {mayRead && <Refused />}
      {mayAudit && <Latest />}
    </Page>
  )
}

function Waiting() {
  const { words, language } = useLanguage()
  const waiting = useQuery({
    queryKey: ['waiting'],
    queryFn: () =>
      ask(
        listAccounts({ client, query: { group: newcomers, status: 'active', order: 'oldest', count: true, limit: 1 } }),
      ),
    refetchInterval: 30_000,
  })
  const first = waiting.data?.accounts[0]

  return (
    <Panel>
      <Section title={words.overview.waiting}>
        <FailureNote failure={waiting.error} retry={() => void waiting.refetch()} />
        {waiting.isPending && <Loading />}
        {waiting.data && !first && <Text size="sm">{words.overview.waitingNone}</Text>}
        {first && (
          <Group justify="space-between" align="flex-end">
            <div>
              <Text fz="2rem" fw={600} lh={1.1}>
                {waiting.data?.total}
              </Text>
              <Text size="sm" c="dimmed">
                {words.overview.waitingSince(ago(first.createdAt, language))}
              </Text>
            </div>
            <Button component={Link} to="/queue">
              {words.overview.openQueue}
            </Button>
          </Group>
        )}
      </Section>
    </Panel>
  )
}

function QuickSearch() {
  const words = useWords()
  const navigate = useNavigate()
  const [text, setText] = useState('')

  const go = (event: FormEvent) => {
    event.preventDefault()
    void navigate(`/accounts?${new URLSearchParams({ text: text.trim() })}`)
  }

  return (
    <Panel>
      <Section title={words.overview.search}>
        <form onSubmit={go} role="search">
          <Group align="flex-end" gap="xs" wrap="nowrap">
            <TextInput
              flex={1}
              type="search"
              label={words.accounts.text}
              description={words.accounts.textHint}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
              maxLength={254}
            />
            <Button type="submit">{words.search}</Button>
          </Group>
        </form>
      </Section>
    </Panel>
  )
}

function Refused() {
  const words = useWords()
  const refused = useQuery({
    queryKey: ['refused'],
    queryFn: async () => (await ask(listDeliveries({ client, query: { state: 'refused', limit: 5 } }))).deliveries,
  })

  return (
    <Section
      title={words.overview.refused}
      aside={
        <Anchor component={Link} to="/deliveries" size="sm">
          {words.overview.openDeliveries}
        </Anchor>
      }
    >
      <Listing
        label={words.overview.refused}
        rows={refused.data}
        idOf={(delivery) => delivery.id}
        failure={refused.error}
        retry={() => void refused.refetch()}
        empty={words.overview.refusedNone}
        columns={[
          { key: 'at', head: words.deliveries.created, cell: (one) => <When at={one.createdAt} /> },
          { key: 'to', head: words.deliveries.recipientShort, cell: (one) => one.recipient },
          { key: 'kind', head: words.deliveries.kind, cell: (one) => words.kinds[one.kind] ?? one.kind },
          { key: 'state', head: words.deliveries.state, cell: (one) => <DeliveryBadge state={one.state} /> },
          { key: 'error', head: words.deliveries.error, long: true, cell: (one) => one.lastError },
        ]}
      />
    </Section>
  )
}

function Latest() {
  const words = useWords()
  const events = useQuery({
    queryKey: ['latest'],
    queryFn: async () => (await ask(listAuditEvents({ client, query: { limit: 8 } }))).events,
  })

  return (
    <Section
      title={words.overview.events}
      aside={
        <Anchor component={Link} to="/audit" size="sm">
          {words.overview.openAudit}
        </Anchor>
      }
    >
      <Listing
        label={words.overview.events}
        rows={events.data}
        idOf={(event) => String(event.id)}
        failure={events.error}
        retry={() => void events.refetch()}
        empty={words.audit.empty}
        columns={[
          { key: 'at', head: words.audit.at, cell: (event) => <When at={event.at} /> },
          { key: 'action', head: words.audit.action, cell: (event) => <EventName action={event.action} /> },
          { key: 'subject', head: words.audit.subject, cell: (event) => event.subject },
          {
            key: 'account',
            head: words.pages.account,
            cell: (event) =>
              event.accountId && (
                <Stack gap={0}>
                  <Anchor component={Link} to={`/accounts/${event.accountId}`} size="sm" ff="monospace">
                    {event.accountId}
                  </Anchor>
                </Stack>
              ),
          },
        ]}
      />
    </Section>
  )
}
