import { Anchor, Button, Checkbox, Group, List, Alert, NativeSelect, Paper, Text } from '@mantine/core'
import { type AdminAccount, type AnyErrorCode, assignGroup, listAccounts } from '@konec/toolkit-gateway'
import { type KeyboardEvent, useRef, useState } from 'react'
import { Link } from 'react-router'

import { useChange } from '../change'
import { ask, client } from '../gateway'
import { useGroups } from '../groups'
import { useMay } from '../me'
import { newcomers } from '../parts/badges'
import { useAnnounce } from '../parts/announcement'
import { FailureNote } from '../parts/failure'
import { Listing } from '../parts/listing'
import { Page } from '../parts/page'
import { More, usePages } from '../parts/pages'
import { ago, When } from '../parts/when'
import { useLanguage } from '../words'

/** The gateway accepts at most this many at once. */
const most = 100

interface Refused {
  account: AdminAccount
  code: AnyErrorCode | undefined
}

/** Users who wait for a member group, longest wait first; many can be assigned at once. */
export function QueuePage() {
  const { words, language } = useLanguage()
  const may = useMay('accounts.write')
  const announce = useAnnounce()
  const groups = useGroups()
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [group, setGroup] = useState('')
  const [refused, setRefused] = useState<Refused[]>([])
  const table = useRef<HTMLDivElement>(null)

  const pages = usePages(
    ['accounts', 'queue'],
    (cursor) =>
      ask(listAccounts({ client, query: { group: newcomers, status: 'active', order: 'oldest', limit: 50, cursor } })),
    { refetchInterval: 30_000 },
  )
  const rows = pages.data?.pages.flatMap((page) => page.accounts)

  // An account that has left the queue is no longer selected.
  const selected = rows?.filter(({ id }) => chosen.has(id)) ?? []

  const assignment = useChange(
    (what: { group: string; accounts: { id: string; version: number }[] }, key) =>
      ask(
        assignGroup({
          client,
          headers: { 'Idempotency-Key': key },
          body: { memberGroup: what.group, accounts: what.accounts },
        }),
      ),
    ({ results }, what) => {
      const people = new Map(rows?.map((account) => [account.id, account]))
      setRefused(
        results.flatMap(({ id, changed, code }) => {
          const account = people.get(id)

          return changed || !account ? [] : [{ account, code }]
        }),
      )
      setChosen(new Set())

      const changed = results.filter((result) => result.changed).length
      if (changed > 0) {
        announce(words.queue.done(changed, what.group))
      }
    },
  )

  const ready = may && group !== '' && selected.length > 0 && selected.length <= most
  const assign = () => {
    if (ready && !assignment.isPending) {
      assignment.mutate({ group, accounts: selected.map(({ id, version }) => ({ id, version })) })
    }
  }

  const choose = (ids: string[], on: boolean) => {
    const next = new Set(chosen)
    ids.forEach((id) => (on ? next.add(id) : next.delete(id)))
    setChosen(next)
  }

  const keys = (event: KeyboardEvent) => {
    const boxes = [...(table.current?.querySelectorAll<HTMLInputElement>('tbody input[type=checkbox]') ?? [])]
    const here = boxes.indexOf(document.activeElement as HTMLInputElement)
    const control = event.ctrlKey || event.metaKey

    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const there = boxes[here + (event.key === 'ArrowDown' ? 1 : -1)]
      if (here >= 0 && there) {
        event.preventDefault()
        there.focus()
        if (event.shiftKey) {
          choose([boxes[here]!.value, there.value], true)
        }
      }
    } else if (control && event.key.toLowerCase() === 'a') {
      event.preventDefault()
      choose(rows?.map(({ id }) => id) ?? [], true)
    } else if (control && event.key === 'Enter') {
      event.preventDefault()
      assign()
    }
  }

  const all = rows !== undefined && rows.length > 0 && selected.length === rows.length

  return (
    <Page
      title={words.pages.queue}
      intro={words.queue.intro}
      aside={
        <Button variant="default" size="xs" loading={pages.isRefetching} onClick={() => void pages.refetch()}>
          {words.queue.reload}
        </Button>
      }
    >
      {may && rows && rows.length > 0 && (
        <Paper withBorder p="sm" pos="sticky" top={60} style={{ zIndex: 2 }}>
          <form
            onSubmit={(event) => {
              event.preventDefault()
              assign()
            }}
          >
            <Group gap="sm" align="flex-end">
              <Checkbox
                label={words.selectAll}
                checked={all}
                indeterminate={!all && selected.length > 0}
                onChange={(event) =>
                  choose(
                    rows.map(({ id }) => id),
                    event.currentTarget.checked,
                  )
                }
                mb={8}
              />
              <NativeSelect
                label={words.queue.group}
                value={group}
                onChange={(event) => setGroup(event.currentTarget.value)}
                data={[
                  { value: '', label: words.queue.chooseGroup },
                  ...(groups.data ?? []).filter(({ name }) => name !== newcomers).map(({ name }) => name),
                ]}
                miw={180}
              />
              <Button type="submit" disabled={!ready} loading={assignment.isPending}>
                {words.queue.assign(selected.length)}
              </Button>
              {selected.length > most && (
                <Text size="sm" c="var(--mantine-color-error)" mb={6}>
                  {words.queue.tooMany}
                </Text>
              )}
            </Group>
          </form>
          <Text size="xs" c="dimmed" mt={6} visibleFrom="sm">
            {words.queue.keys}
          </Text>
        </Paper>
      )}

      <FailureNote failure={assignment.error} />
      {refused.length > 0 && (
        <Alert
          role="alert"
          variant="outline"
          color="orange"
          title={words.queue.notDone(refused.length)}
          withCloseButton
          closeButtonLabel={words.close}
          onClose={() => setRefused([])}
        >
          <List size="sm">
            {refused.map(({ account, code }) => (
              <List.Item key={account.id}>
                {words.queue.refusal(account.name, account.email, words.codes[code ?? ''] ?? code ?? '')}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}

      <div ref={table}>
        <Listing
          label={words.pages.queue}
          rows={rows}
          idOf={({ id }) => id}
          failure={pages.error}
          retry={() => void pages.refetch()}
          empty={words.queue.empty}
          emptyText={words.queue.emptyText}
          onKeyDown={keys}
          columns={[
            ...(may
              ? [
                  {
                    key: 'choose',
                    head: words.selectAll,
                    hideHead: true,
                    cell: ({ id, name }: AdminAccount) => (
                      <Checkbox
                        aria-label={words.select(name)}
                        value={id}
                        checked={chosen.has(id)}
                        onChange={(event) => choose([id], event.currentTarget.checked)}
                      />
                    ),
                  },
                ]
              : []),
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
            { key: 'waiting', head: words.queue.waiting, cell: ({ createdAt }) => ago(createdAt, language) },
            { key: 'registered', head: words.queue.registered, cell: ({ createdAt }) => <When at={createdAt} /> },
          ]}
        />
      </div>
      {rows && <More pages={pages} shown={rows.length} />}
    </Page>
  )
}
