import { Button, Group, SimpleGrid, Stack, TextInput } from '@mantine/core'
import {
  changeUser,
  endOtherUserSessions,
  endUserSession,
  getUser,
  listUserSessions,
  type PublicUser,
} from '@konec/toolkit-gateway'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'

import { useChange } from '../../change'
import { ask, client } from '../../gateway'
import { useAnnounce } from '../../parts/announcement'
import { Copyable } from '../../parts/copyable'
import { FailureNote } from '../../parts/failure'
import { Loading } from '../../parts/loading'
import { Page, Section } from '../../parts/page'
import { Facts, Panel } from '../../parts/panel'
import { Sessions } from '../../parts/sessions'
import { When } from '../../parts/when'
import { useWords } from '../../words'
import { Password } from './password'
import { SecondFactor } from './second-factor'
import { Suspended } from './suspended'

/** The user's own account. */
export function ProfilePage() {
  const words = useWords()
  const user = useQuery({ queryKey: ['user'], queryFn: () => ask(getUser({ client })) })
  const sessions = useQuery({
    queryKey: ['user', 'sessions'],
    queryFn: async () => (await ask(listUserSessions({ client }))).sessions,
  })

  return (
    <Page title={words.pages.profile} intro={user.data?.email}>
      {user.data && <Suspended user={user.data} />}
      {user.data ? (
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <Stack>
            <Own key={user.data.name} user={user.data} />
            <SecondFactor user={user.data} />
          </Stack>
          <Password email={user.data.email} />
        </SimpleGrid>
      ) : user.error ? (
        <FailureNote failure={user.error} retry={() => void user.refetch()} />
      ) : (
        <Loading />
      )}
      <Sessions
        query={sessions}
        end={(id) => ask(endUserSession({ client, path: { id } }))}
        endAll={{
          act: () => ask(endOtherUserSessions({ client })),
          label: words.sessions.endOthers,
          text: words.sessions.endOthersText,
        }}
      />
    </Page>
  )
}

function Own({ user }: { user: PublicUser }) {
  const words = useWords()
  const announce = useAnnounce()
  const [name, setName] = useState(user.name)
  const change = useChange(
    (name: string) => ask(changeUser({ client, body: { key: 'Name', name } })),
    () => announce(words.profile.saved),
  )

  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate(name.trim())
  }

  return (
    <Panel>
      <Section title={words.profile.facts}>
        <Facts
          label={words.profile.facts}
          facts={[
            [words.account.email, user.email],
            [words.account.id, <Copyable key="id" text={user._id} />],
            [words.account.created, <When key="created" at={user.create_time} />],
            [words.account.lastSignIn, <When key="signed-in" at={user.history?.timestamp} />],
          ]}
        />
        <form onSubmit={submit}>
          <Group align="flex-end" gap="xs">
            <TextInput
              label={words.profile.name}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              autoComplete="name"
              maxLength={64}
              required
              flex={1}
            />
            <Button type="submit" variant="default" loading={change.isPending} disabled={name.trim() === user.name}>
              {words.save}
            </Button>
          </Group>
        </form>
        <FailureNote failure={change.error} />
      </Section>
    </Panel>
  )
}
