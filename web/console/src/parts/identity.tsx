import { Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { reauthenticateBrowser } from '@konec/toolkit-gateway'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'

import { ask, client, type Failure } from '../gateway'
import { useAsked } from '../identity'
import { useMe } from '../me'
import { useWords } from '../words'
import { FailureNote } from './failure'

/** Asks for the password, and for a code if two factors are asked for, when the gateway requires a fresh sign-in. */
export function Identity() {
  const asked = useAsked()

  return asked ? <Dialog settle={asked.settle} /> : null
}

function Dialog({ settle }: { settle: (confirmed: boolean) => void }) {
  const words = useWords()
  const { email } = useMe()
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const [second, setSecond] = useState(false)
  const attempt = useMutation<unknown, Failure>({
    mutationFn: () => ask(reauthenticateBrowser({ client, body: { password, ...(second && { totp: code.trim() }) } })),
    networkMode: 'always',
    onSuccess: () => settle(true),
    onError: (failure) => {
      if (failure.code === 'TOTP_REQUIRED') {
        setSecond(true)
        attempt.reset()
      }
    },
  })

  return (
    <Modal opened onClose={() => settle(false)} title={words.identity.title} closeButtonProps={{ 'aria-label': words.close }}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          attempt.mutate()
        }}
      >
        <Stack gap="sm">
          <Text size="sm">{second ? words.identity.second : words.identity.text}</Text>
          {/* Password managers need to know whose password it is. */}
          <input type="text" autoComplete="username" value={email} readOnly hidden />
          <PasswordInput
            label={words.signIn.passwordField}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="current-password"
            maxLength={1024}
            required
            data-autofocus
          />
          {second && (
            <TextInput
              label={words.signIn.codeField}
              description={words.signIn.codeHint}
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
              autoComplete="one-time-code"
              minLength={6}
              maxLength={64}
              required
              autoFocus
            />
          )}
          {attempt.error?.code !== 'TOTP_REQUIRED' && <FailureNote failure={attempt.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={() => settle(false)}>
              {words.cancel}
            </Button>
            <Button type="submit" loading={attempt.isPending}>
              {words.identity.confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
