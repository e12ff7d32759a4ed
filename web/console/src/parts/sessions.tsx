import { Badge, Button, Group, Text } from '@mantine/core'
import type { Session } from '@konec/toolkit-gateway'
import { useState } from 'react'

import { useChange } from '../change'
import type { Failure } from '../gateway'
import { useWords } from '../words'
import { useAnnounce } from './announcement'
import { Confirm } from './confirm'
import { deviceName } from './device'
import { Listing } from './listing'
import { Section } from './page'
import { placeOf } from './place'
import { When } from './when'

interface Props {
  query: { data: Session[] | undefined; error: Failure | Error | null; refetch: () => unknown }
  /** Absent if the user may only read. */
  end?: (id: string) => Promise<unknown>
  endAll?: { act: () => Promise<unknown>; label: string; text: string }
}

/** The sessions of an account, the user's own or another's, and how to end them. */
export function Sessions({ query, end, endAll }: Props) {
  const words = useWords()
  const announce = useAnnounce()
  const [asked, setAsked] = useState<string>()
  const change = useChange(
    (id: string) => (id === 'all' ? endAll!.act() : end!(id)),
    () => {
      setAsked(undefined)
      announce(words.sessions.ended)
    },
  )

  const all = asked === 'all'
  const rows = query.data

  return (
    <Section
      title={words.account.sessions}
      aside={
        endAll &&
        rows &&
        rows.some((session) => !session.current) && (
          <Button variant="default" size="xs" onClick={() => setAsked('all')}>
            {endAll.label}
          </Button>
        )
      }
    >
      <Listing
        label={words.account.sessions}
        rows={rows}
        idOf={(session) => session.id}
        failure={query.error}
        retry={() => query.refetch()}
        empty={words.sessions.empty}
        columns={[
          {
            key: 'device',
            head: words.sessions.device,
            cell: (session) => (
              <Group gap={6}>
                <Text span size="sm" title={session.device}>
                  {deviceName(session.device) || words.unknown}
                </Text>
                <Badge variant="default" tt="none" size="sm" fw={400}>
                  {words.sessions.doors[session.surface]}
                </Badge>
                {session.current && (
                  <Badge variant="dot" color="teal" tt="none" size="sm" fw={400}>
                    {words.sessions.current}
                  </Badge>
                )}
              </Group>
            ),
          },
          {
            key: 'from',
            head: words.sessions.from,
            cell: (session) => placeOf(session.address, session.location) || words.unknown,
          },
          { key: 'created', head: words.sessions.created, cell: (session) => <When at={session.createdAt} /> },
          { key: 'seen', head: words.sessions.seen, cell: (session) => <When at={session.seenAt} /> },
          ...(end
            ? [
                {
                  key: 'end',
                  head: words.actions,
                  hideHead: true,
                  cell: (session: Session) => (
                    <Button
                      variant="subtle"
                      color="red"
                      size="compact-sm"
                      aria-label={`${words.sessions.end}${words.colon}${deviceName(session.device)}`}
                      onClick={() => setAsked(session.id)}
                    >
                      {words.sessions.end}
                    </Button>
                  ),
                },
              ]
            : []),
        ]}
      />
      <Confirm
        opened={asked !== undefined}
        title={all ? endAll!.label : words.sessions.endOne}
        text={all ? endAll!.text : words.sessions.endOneText}
        act={all ? endAll!.label : words.sessions.endOne}
        grave
        change={change}
        onAct={() => asked && change.mutate(asked)}
        onClose={() => setAsked(undefined)}
      />
    </Section>
  )
}
