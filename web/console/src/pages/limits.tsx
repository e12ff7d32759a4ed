import { Button, Progress, Stack, Text } from '@mantine/core'
import { type LimitBudget, type LimitWait, liftLimit, listLimits } from '@konec/toolkit-gateway'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { useChange } from '../change'
import { ask, client } from '../gateway'
import { useMay } from '../me'
import { useAnnounce } from '../parts/announcement'
import { Confirm } from '../parts/confirm'
import { AccountLink, limitIn } from '../parts/event'
import { Listing } from '../parts/listing'
import { Page, Section } from '../parts/page'
import { When } from '../parts/when'
import { useWords } from '../words'

/** What is to be lifted: a budget, or a wait with its subject. */
interface Target {
  limit: string
  subject?: string
  title: string
  text: string
}

/** The daily budgets, and what makes users, networks and destinations wait now. */
export function LimitsPage() {
  const words = useWords()
  const [target, setTarget] = useState<Target>()
  const limits = useQuery({
    queryKey: ['limits'],
    queryFn: () => ask(listLimits({ client })),
    refetchInterval: 30_000,
  })

  return (
    <Page
      title={words.pages.limits}
      intro={words.limitsPage.intro}
      aside={
        <Button variant="default" onClick={() => void limits.refetch()}>
          {words.queue.reload}
        </Button>
      }
    >
      <Budgets
        budgets={limits.data?.budgets}
        failure={limits.error}
        retry={() => void limits.refetch()}
        onLift={setTarget}
      />
      <Waits waits={limits.data?.waits} complete={limits.data?.complete ?? true} failed={limits.error !== null} onLift={setTarget} />
      <Lifter target={target} onClose={() => setTarget(undefined)} />
    </Page>
  )
}

interface BudgetsProps {
  budgets: LimitBudget[] | undefined
  failure: Error | null
  retry: () => void
  onLift: (target: Target) => void
}

function Budgets({ budgets, failure, retry, onLift }: BudgetsProps) {
  const words = useWords()
  const may = useMay('accounts.write')

  return (
    <Section title={words.limitsPage.budgets}>
      <Listing
        label={words.limitsPage.budgets}
        rows={budgets}
        idOf={({ name }) => name}
        failure={failure}
        retry={retry}
        empty={words.limitsPage.none}
        columns={[
          { key: 'name', head: words.limitsPage.limit, long: true, cell: ({ name }) => limitIn(words, name) },
          {
            key: 'used',
            head: words.limitsPage.used,
            cell: ({ name, used, max }) => (
              <Stack gap={4} miw="8rem">
                <Text span size="sm">
                  {words.limitsPage.of(used, max)}
                </Text>
                <Progress
                  value={max > 0 ? Math.min(100, (100 * used) / max) : 0}
                  color={used >= max ? 'red' : used >= max / 2 ? 'orange' : 'blue'}
                  aria-label={limitIn(words, name)}
                  size="sm"
                />
              </Stack>
            ),
          },
          {
            key: 'until',
            head: words.limitsPage.renewed,
            cell: ({ until }) => (until ? <When at={until} /> : words.limitsPage.unused),
          },
          ...(may
            ? [
                {
                  key: 'actions',
                  head: words.actions,
                  hideHead: true,
                  cell: ({ name, used }: LimitBudget) =>
                    used > 0 && (
                      <LiftButton
                        label={words.limitsPage.liftTitle(limitIn(words, name))}
                        onClick={() =>
                          onLift({
                            limit: name,
                            title: words.limitsPage.liftTitle(limitIn(words, name)),
                            text: words.limitsPage.liftBudget,
                          })
                        }
                      />
                    ),
                },
              ]
            : []),
        ]}
      />
    </Section>
  )
}

interface WaitsProps {
  waits: LimitWait[] | undefined
  complete: boolean
  failed: boolean
  onLift: (target: Target) => void
}

function Waits({ waits, complete, failed, onLift }: WaitsProps) {
  const words = useWords()
  const may = useMay('accounts.write')
  const mayReadAll = useMay('audit.read')

  if (failed && waits === undefined) {
    return null // the failure is shown above
  }

  const nameOf = (wait: LimitWait) => wait.email || wait.subject.slice(wait.factor ? wait.factor.length + 1 : 0)

  return (
    <Section title={words.limitsPage.waits}>
      {!complete && (
        <Text size="sm" c="dimmed">
          {mayReadAll ? words.limitsPage.more : words.limitsPage.hidden}
        </Text>
      )}
      <Listing
        label={words.limitsPage.waits}
        rows={waits}
        idOf={({ limit, subject }) => `${limit} ${subject}`}
        empty={words.limitsPage.noWaits}
        columns={[
          {
            key: 'who',
            head: words.limitsPage.who,
            long: true,
            cell: (wait) =>
              wait.accountId ? <AccountLink id={wait.accountId} label={wait.email} /> : <Text span size="sm">{nameOf(wait)}</Text>,
          },
          { key: 'kind', head: words.limitsPage.kind, cell: ({ kind }) => words.limitsPage.kinds[kind] },
          {
            key: 'limit',
            head: words.limitsPage.limit,
            long: true,
            cell: ({ limit, factor }) =>
              factor ? `${limitIn(words, limit)} (${words.factors[factor] ?? factor})` : purposeIn(limit, words),
          },
          {
            key: 'places',
            head: words.limitsPage.places,
            cell: ({ places }) => places.map((place) => words.limitsPage.placeNames[place] ?? place).join(words.comma),
          },
          { key: 'used', head: words.limitsPage.times, cell: ({ used, max }) => (max > 0 ? words.limitsPage.of(used, max) : used) },
          { key: 'until', head: words.limitsPage.until, cell: ({ until }) => <When at={until} seconds /> },
          ...(may
            ? [
                {
                  key: 'actions',
                  head: words.actions,
                  hideHead: true,
                  cell: (wait: LimitWait) => (
                    <LiftButton
                      label={words.limitsPage.liftTitle(nameOf(wait))}
                      onClick={() =>
                        onLift({
                          limit: wait.limit,
                          subject: wait.subject,
                          title: words.limitsPage.liftTitle(nameOf(wait)),
                          text: words.limitsPage.liftWait,
                        })
                      }
                    />
                  ),
                },
              ]
            : []),
        ]}
      />
    </Section>
  )
}

/** The name of a limit of sending begins with the purpose of the code. */
function purposeIn(limit: string, words: ReturnType<typeof useWords>): string {
  const purpose = /^send (\S+)\/(hour|day)$/.exec(limit)?.[1]
  const name = purpose && words.factors[purpose]

  return name ? `${limitIn(words, limit)} (${name})` : limitIn(words, limit)
}

function LiftButton({ label, onClick }: { label: string; onClick: () => void }) {
  const words = useWords()

  return (
    <Button variant="subtle" size="compact-sm" aria-label={label} onClick={onClick}>
      {words.limitsPage.lift}
    </Button>
  )
}

function Lifter({ target, onClose }: { target: Target | undefined; onClose: () => void }) {
  const words = useWords()
  const announce = useAnnounce()
  const change = useChange(
    ({ limit, subject }: Target) =>
      ask(liftLimit({ client, body: { limit, ...(subject !== undefined && { subject }) } })),
    () => {
      announce(words.limitsPage.lifted)
      onClose()
    },
  )

  return (
    <Confirm
      opened={target !== undefined}
      title={target?.title ?? ''}
      text={target?.text}
      act={words.limitsPage.lift}
      change={change}
      onAct={() => target && change.mutate(target)}
      onClose={onClose}
    />
  )
}
