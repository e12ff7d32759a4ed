import { Anchor, Button, Group, NativeSelect, Text, TextInput } from '@mantine/core'
import { type AccountState, listAccounts, type ListAccountsData } from '@konec/toolkit-gateway'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Link } from 'react-router'

import { ask, client } from '../gateway'
import { useGroups } from '../groups'
import { useMay } from '../me'
import { useParameters } from '../parameters'
import { GroupBadge, StatusBadge } from '../parts/badges'
import { FailureNote } from '../parts/failure'
import { Listing } from '../parts/listing'
import { Page } from '../parts/page'
import { More, usePages } from '../parts/pages'
import { Panel } from '../parts/panel'
import { When } from '../parts/when'
import { daysAgo } from '../search'
import { useWords } from '../words'
import { NewAccount } from './new-account'

type Query = NonNullable<ListAccountsData['query']>

/** Searches accounts: one field for any part of their values, and filters. */
export function AccountsPage() {
  const words = useWords()
  const groups = useGroups()
  const may = useMay('accounts.write')
  const [filters, setFilters] = useParameters('text', 'group', 'status', 'seen', 'order')
  const [text, setText] = useState(filters.text)

  const question = questionOf(filters)
  const pages = usePages(['accounts', 'search', question], (cursor) =>
    ask(listAccounts({ client, query: { ...question, limit: 50, cursor } })),
  )
  const rows = pages.data?.pages.flatMap((page) => page.accounts)

  const submit = (event: FormEvent) => {
    event.preventDefault()
    setFilters({ text: text.trim() })
  }

  const choice = (name: 'group' | 'status' | 'seen' | 'order', label: string, data: Record<string, string>) => (
    <NativeSelect
      label={label}
      value={filters[name]}
      onChange={(event) => setFilters({ [name]: event.currentTarget.value })}
      data={Object.entries(data).map(([value, label]) => ({ value, label }))}
      flex="1 1 8rem"
    />
  )

  return (
    <Page title={words.pages.accounts} aside={may && <NewAccount />}>
      <Panel>
        <form onSubmit={submit} role="search">
          <Group gap="sm" align="flex-end">
            <TextInput
              type="search"
              label={words.accounts.text}
              placeholder={words.accounts.textHint}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
              maxLength={254}
              flex="1 1 16rem"
            />
            <Button type="submit">{words.search}</Button>
          </Group>
          <Group gap="sm" mt="sm">
            {choice('group', words.account.group, {
              '': words.all,
              ...Object.fromEntries((groups.data ?? []).map(({ name }) => [name, name])),
            })}
            {choice('status', words.account.status, {
              '': words.all,
              active: words.account.active,
              disabled: words.account.disabled,
              deleted: words.account.deleted,
            })}
            {choice('seen', words.accounts.seen, words.accounts.seens)}
            {choice('order', words.accounts.order, {
              '': words.accounts.orders.newest,
              ...omit(words.accounts.orders),
            })}
          </Group>
        </form>
      </Panel>

      <Group justify="space-between" gap="xs" mih={30}>
        <Text size="sm" c="dimmed" aria-live="polite">
          {rows && words.accounts.shown(rows.length)}
        </Text>
        <Count key={JSON.stringify(question)} question={question} />
      </Group>

      <Listing
        label={words.pages.accounts}
        rows={rows}
        idOf={({ id }) => id}
        failure={pages.error}
        retry={() => void pages.refetch()}
        empty={words.accounts.empty}
        emptyText={filters.text ? words.accounts.emptyText : undefined}
        columns={[
          {
            key: 'name',
            head: words.account.name,
            cell: ({ id, name }) => (
              <Anchor component={Link} to={`/accounts/${id}`} size="sm" fw={500}>
                {name}
              </Anchor>
            ),
          },
          { key: 'email', head: words.account.email, cell: ({ email }) => email },
          { key: 'phone', head: words.account.phone, cell: ({ phone }) => phone },
          { key: 'group', head: words.account.group, cell: ({ memberGroup }) => <GroupBadge name={memberGroup} /> },
          { key: 'status', head: words.account.status, cell: ({ status }) => <StatusBadge status={status} /> },
          { key: 'seen', head: words.account.lastSeen, cell: ({ lastSeenAt }) => <When at={lastSeenAt} /> },
          { key: 'created', head: words.account.created, cell: ({ createdAt }) => <When at={createdAt} /> },
        ]}
      />
      {rows && <More pages={pages} shown={rows.length} />}
    </Page>
  )
}

/** Counting takes longer the more accounts there are, so it happens on request. */
function Count({ question }: { question: Query }) {
  const words = useWords()
  const [asked, setAsked] = useState(false)
  const count = useQuery({
    queryKey: ['accounts', 'count', question],
    queryFn: async () => (await ask(listAccounts({ client, query: { ...question, count: true, limit: 1 } }))).total,
    enabled: asked,
  })

  if (count.error) {
    return <FailureNote failure={count.error} />
  }

  return count.data === undefined ? (
    <Button variant="default" size="xs" loading={asked} onClick={() => setAsked(true)}>
      {words.accounts.count}
    </Button>
  ) : (
    <Text size="sm" fw={500} role="status">
      {words.accounts.total(count.data)}
    </Text>
  )
}

function questionOf(filters: Record<'text' | 'group' | 'status' | 'seen' | 'order', string>): Query {
  const [side, days] = filters.seen.split('-')

  return {
    ...(filters.text && { q: filters.text }),
    ...(filters.order && { order: filters.order as 'oldest' }),
    ...(filters.group && { group: filters.group }),
    ...(filters.status && { status: filters.status as AccountState }),
    ...(days && { [side === 'after' ? 'seenAfter' : 'seenBefore']: daysAgo(Number(days)) }),
  }
}

function omit({ oldest, seen }: Record<'newest' | 'oldest' | 'seen', string>) {
  return { oldest, seen }
}
