import { Button, Group, Modal, NativeSelect, Stack, TextInput } from '@mantine/core'
import { type AuditEvent, listAuditEvents } from '@konec/toolkit-gateway'
import { useState } from 'react'

import { ask, client } from '../gateway'
import { useMay } from '../me'
import { instant, useParameters } from '../parameters'
import { Copyable } from '../parts/copyable'
import { AccountLink, DetailValue, EventDetail, EventName } from '../parts/event'
import { Listing } from '../parts/listing'
import { Page } from '../parts/page'
import { More, usePages } from '../parts/pages'
import { type Fact, Facts, Panel } from '../parts/panel'
import { placeOf } from '../parts/place'
import { When } from '../parts/when'
import { useWords } from '../words'

const anId = /^[0-9a-f]{24}$/

/** The audit events, newest first. */
export function AuditPage() {
  const words = useWords()
  const [filters, setFilters] = useParameters('account', 'actor', 'action', 'from', 'to')
  const [shown, setShown] = useState<AuditEvent>()

  const question = {
    ...(anId.test(filters.account) && { account: filters.account }),
    ...(anId.test(filters.actor) && { actor: filters.actor }),
    ...(filters.action && { action: filters.action }),
    from: instant(filters.from),
    to: instant(filters.to),
  }
  const pages = usePages(['audit', question], (cursor) =>
    ask(listAuditEvents({ client, query: { ...question, limit: 50, cursor } })),
  )
  const rows = pages.data?.pages.flatMap((page) => page.events)

  const idField = (name: 'account' | 'actor', label: string) => (
    <TextInput
      label={label}
      value={filters[name]}
      onChange={(event) => setFilters({ [name]: event.currentTarget.value.trim().toLowerCase() })}
      error={filters[name] !== '' && !anId.test(filters[name]) && words.audit.badId}
      maxLength={24}
      flex="1 1 14rem"
    />
  )

  return (
    <Page title={words.pages.audit}>
      <Panel>
        <Group gap="sm" align="flex-start" role="search">
          {idField('account', words.audit.account)}
          {idField('actor', words.audit.actor)}
          <NativeSelect
            label={words.audit.action}
            value={filters.action}
            onChange={(event) => setFilters({ action: event.currentTarget.value })}
            data={[
              { value: '', label: words.all },
              ...Object.entries(words.events).map(([value, label]) => ({ value, label: `${label} (${value})` })),
            ]}
            flex="1 1 14rem"
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
          <Button
            variant="default"
            mt={24}
            onClick={() => setFilters({ account: '', actor: '', action: '', from: '', to: '' })}
          >
            {words.clear}
          </Button>
        </Group>
      </Panel>
      <Listing
        label={words.pages.audit}
        rows={rows}
        idOf={(event) => String(event.id)}
        failure={pages.error}
        retry={() => void pages.refetch()}
        empty={words.audit.empty}
        columns={[
          { key: 'at', head: words.audit.at, cell: (event) => <When at={event.at} seconds /> },
          { key: 'action', head: words.audit.action, cell: (event) => <EventName action={event.action} /> },
          { key: 'subject', head: words.audit.subject, cell: (event) => <Subject event={event} /> },
          { key: 'detail', head: words.audit.detail, long: true, cell: (event) => <EventDetail event={event} /> },
          { key: 'address', head: words.audit.address, cell: (event) => placeOf(event.address, event.location) },
          {
            key: 'more',
            head: words.details,
            hideHead: true,
            cell: (event) => (
              <Button
                variant="subtle"
                size="compact-sm"
                aria-label={`${words.details}${words.colon}${words.audit.eventTitle(event.id)}`}
                onClick={() => setShown(event)}
              >
                {words.details}
              </Button>
            ),
          },
        ]}
      />
      {rows && <More pages={pages} shown={rows.length} />}
      <Modal
        opened={shown !== undefined}
        onClose={() => setShown(undefined)}
        title={shown && words.audit.eventTitle(shown.id)}
        size="lg"
        closeButtonProps={{ 'aria-label': words.close }}
      >
        {shown && <Event event={shown} />}
      </Modal>
    </Page>
  )
}

/** The subject of an event, and its account. */
function Subject({ event }: { event: AuditEvent }) {
  const mayRead = useMay('accounts.read')

  return (
    <Stack gap={0}>
      {event.subject}
      {event.accountId && mayRead && <AccountLink id={event.accountId} />}
    </Stack>
  )
}

function Event({ event }: { event: AuditEvent }) {
  const words = useWords()
  const mayRead = useMay('accounts.read')
  const account = (id: string) => (id === '' ? words.audit.self : mayRead ? <AccountLink id={id} /> : id)
  const { detail, ...rest } = event

  return (
    <Facts
      label={words.audit.eventTitle(event.id)}
      facts={[
        [words.audit.at, <When key="at" at={rest.at} seconds />],
        [words.audit.action, <EventName key="action" action={rest.action} />],
        [words.audit.account, rest.accountId ? account(rest.accountId) : words.none],
        [words.audit.by, account(rest.actorId)],
        [words.audit.subject, rest.subject || words.none],
        [words.audit.method, words.factors[rest.method] ?? (rest.method || words.none)],
        [words.audit.address, placeOf(rest.address, rest.location) || words.unknown],
        [words.audit.device, rest.userAgent || words.unknown],
        [words.audit.session, rest.sessionId ? <Copyable key="session" text={rest.sessionId} /> : words.none],
        [words.audit.request, rest.requestId ? <Copyable key="request" text={rest.requestId} /> : words.none],
        ...Object.entries(detail).map(([name, value]): Fact => [
          capital(words.detail[name] ?? name),
          <DetailValue key={name} event={event} name={name} value={value} />,
        ]),
      ]}
    />
  )
}

/** The names of details are written small, for lines of them; here they are headings. */
function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
