import { PasswordInput, Text, TextInput } from '@mantine/core'
import { signIn } from '@konec/toolkit-gateway'
import { useState } from 'react'

import { useChange } from '../../change'
import { ask, client, type Failure } from '../../gateway'
import { Confirm } from '../../parts/confirm'
import { useWords } from '../../words'

interface Props {
  email: string
  /** The change that was refused because the sign-in is too old. */
  change: { error: Failure | null; reset: () => void }
  /** Repeats the change. */
  onDone: () => void
}

/** Asks for the password again if the gateway requires a fresh sign-in, and then continues. */
export function Reauthentication({ email, change, onDone }: Props) {
  const words = useWords()
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const [second, setSecond] = useState(false)
  const attempt = useChange(
    () => ask(signIn({ client, body: { email, password, ...(second && { totp: code.trim() }) } })),
    () => {
      setPassword('')
      setCode('')
      setSecond(false)
      onDone()
    },
  )

  const act = () =>
    attempt.mutate(undefined, {
      onError: (failure) => {
        if (failure.code === 'TOTP_REQUIRED') {
          setSecond(true)
          attempt.reset()
        }
      },
    })

  return (
    <Confirm
      opened={change.error?.code === 'REAUTH_REQUIRED'}
      title={words.profile.again}
      act={words.profile.continue}
      change={attempt}
      onAct={act}
      onClose={change.reset}
    >
      <Text size="sm">{words.profile.againText}</Text>
      <input type="text" autoComplete="username" value={email} readOnly hidden />
      <PasswordInput
        label={words.signIn.passwordField}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        autoComplete="current-password"
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
          required
          autoFocus
        />
      )}
    </Confirm>
  )
}
