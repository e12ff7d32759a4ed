import { Button, Group, PasswordInput, Stack, Text } from '@mantine/core'
import { changePassword } from '@konec/toolkit-gateway'
import { type FormEvent, useState } from 'react'

import { useChange } from '../../change'
import { ask, client } from '../../gateway'
import { useAnnounce } from '../../parts/announcement'
import { FailureNote } from '../../parts/failure'
import { Section } from '../../parts/page'
import { Panel } from '../../parts/panel'
import { useWords } from '../../words'

export function Password({ email }: { email: string }) {
  const words = useWords()
  const announce = useAnnounce()
  const [old, setOld] = useState('')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const change = useChange(
    (body: { old: string; password: string }) => ask(changePassword({ client, body })),
    () => {
      announce(words.profile.passwordChanged)
      setOld('')
      setPassword('')
      setAgain('')
    },
  )

  const different = again !== '' && again !== password
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (again === password) {
      change.mutate({ old, password })
    }
  }

  return (
    <Panel>
      <Section title={words.profile.password}>
        <form onSubmit={submit}>
          <Stack gap="xs">
            <Text size="sm">{words.profile.passwordText}</Text>
            {/* Password managers need to know whose password it is. */}
            <input type="text" autoComplete="username" value={email} readOnly hidden />
            <PasswordInput
              label={words.profile.old}
              value={old}
              onChange={(event) => setOld(event.currentTarget.value)}
              autoComplete="current-password"
              maxLength={1024}
              required
            />
            <PasswordInput
              label={words.profile.new}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              autoComplete="new-password"
              minLength={8}
              maxLength={1024}
              required
            />
            <PasswordInput
              label={words.profile.repeat}
              value={again}
              onChange={(event) => setAgain(event.currentTarget.value)}
              autoComplete="new-password"
              error={different && words.profile.different}
              maxLength={1024}
              required
            />
            <FailureNote failure={change.error} />
            <Group>
              <Button type="submit" variant="default" loading={change.isPending} disabled={different}>
                {words.profile.changePassword}
              </Button>
            </Group>
          </Stack>
        </form>
      </Section>
    </Panel>
  )
}
