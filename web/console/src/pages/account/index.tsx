import { Anchor, Center, Grid, Group, Stack, Text } from '@mantine/core'
import { endAccountSession, endAccountSessions, getAccount, listAccountSessions } from '@konec/toolkit-gateway'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'

import { ask, client, Failure } from '../../gateway'
import { useMay } from '../../me'
import { GroupBadge, StatusBadge } from '../../parts/badges'
import { FailureNote } from '../../parts/failure'
import { Loading } from '../../parts/loading'
import { Page } from '../../parts/page'
import { Sessions } from '../../parts/sessions'
import { useWords } from '../../words'
import { Access } from './access'
import { FactsOf } from './facts'
import { Factors } from './factors'
import { Reasons } from './reasons'
import { Timeline } from './timeline'

/** One account, why its user cannot sign in, and what can be done about it. */
export function AccountPage() {
  const words = useWords()
  const { id = '' } = useParams()
  const may = useMay('accounts.write')
  const mayAudit = useMay('audit.read')

  const account = useQuery({
    queryKey: ['account', id],
    queryFn: async () => (await ask(getAccount({ client, path: { accountId: id } }))).account,
  })
  const sessions = useQuery({
    queryKey: ['account', id, 'sessions'],
    queryFn: async () => (await ask(listAccountSessions({ client, path: { accountId: id } }))).sessions,
    enabled: account.isSuccess,
  })

  if (account.data === undefined) {
    const missing =
      account.error instanceof Failure && ['ACCOUNT_NOT_FOUND', 'INVALID_REQUEST'].includes(account.error.code ?? '')

    return (
      <Page title={missing ? words.account.notFound : words.pages.account}>
        {account.isPending ? <Loading /> : <FailureNote failure={account.error} retry={() => void account.refetch()} />}
      </Page>
    )
  }

  const found = account.data

  return (
    <Page
      key={found.id}
      title={found.name}
      intro={found.email}
      aside={
        <Group gap="xs">
          <GroupBadge name={found.memberGroup} />
          <StatusBadge status={found.status} />
        </Group>
      }
    >
      <Reasons account={found} />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 8 }} order={{ base: 2, lg: 1 }}>
          <Stack gap="lg">
            <Sessions
              query={sessions}
              end={
                may ? (session) => ask(endAccountSession({ client, path: { accountId: id, id: session } })) : undefined
              }
              endAll={
                may
                  ? {
                      act: () => ask(endAccountSessions({ client, path: { accountId: id } })),
                      label: words.sessions.endAll,
                      text: words.sessions.endAllText,
                    }
                  : undefined
              }
            />
            {mayAudit && <Timeline account={found} />}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 4 }} order={{ base: 1, lg: 2 }}>
          <Stack gap="lg">
            <FactsOf account={found} />
            <Access account={found} />
            <Factors account={found} />
            {mayAudit && (
              <Center>
                <Anchor component={Link} to={`/audit?account=${found.id}`} size="sm">
                  {words.account.audit}
                </Anchor>
              </Center>
            )}
          </Stack>
        </Grid.Col>
      </Grid>
      <Text size="xs" c="dimmed">
        {words.account.version} {found.version}
      </Text>
    </Page>
  )
}
