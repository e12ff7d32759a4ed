import {
  Anchor,
  Button,
  Center,
  Group,
  Paper,
  PasswordInput,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { signIn, signInWithTotp } from '@konec/toolkit-gateway'
import { type FormEvent, useEffect, useState } from 'react'

import { useChange } from '../change'
import { ask, client, Failure } from '../gateway'
import { FailureNote } from '../parts/failure'
import { Preferences } from '../parts/preferences'
import { useWords } from '../words'

/** Signs a user in: with the password, and a second factor if two are asked for, or with a code alone. */
export function SignInPage() {
  const words = useWords()
  const [way, setWay] = useState('password')
  const [second, setSecond] = useState(false)
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')

  const attempt = useChange(async () => {
    if (way === 'code') {
      return ask(signInWithTotp({ client, body: { email, code: code.trim() } }))
    }

    return ask(signIn({ client, body: { email, password, ...(second && { totp: code.trim() }) } }))
  })

  useEffect(() => {
    document.title = `${words.signIn.title} · ${words.product}`
  }, [words])

  const submit = (event: FormEvent) => {
    event.preventDefault()
    attempt.mutate(undefined, {
      onError: (failure) => {
        if (failure.code === 'TOTP_REQUIRED') {
          setSecond(true)
          attempt.reset()
        } else if (second && failure.code === 'INVALID_CREDENTIALS') {
          setCode('')
        }
      },
    })
  }

  const restart = () => {
    setSecond(false)
    setPassword('')
    setCode('')
    attempt.reset()
  }

  const codeField = (
    <TextInput
      label={second ? words.signIn.codeField : words.signIn.codeAlone}
      description={second ? words.signIn.codeHint : words.signIn.codeAloneHint}
      value={code}
      onChange={(event) => setCode(event.currentTarget.value)}
      autoComplete="one-time-code"
      minLength={6}
      maxLength={64}
      required
      data-autofocus
      autoFocus={second}
    />
  )

  return (
    <Center component="main" mih="100vh" p="md">
      <Stack w="100%" maw={400} gap="sm">
        <Group justify="space-between" wrap="nowrap">
          <Text fw={600}>{words.product}</Text>
          <Group gap={4} wrap="nowrap">
            <Preferences />
          </Group>
        </Group>
        <Paper withBorder p="lg">
          <form onSubmit={submit}>
            <Stack gap="sm">
              <Title order={1} size="h3">
                {second ? words.signIn.second : words.signIn.title}
              </Title>
              {second ? (
                <>
                  <Text size="sm">{words.signIn.secondText}</Text>
                  {codeField}
                </>
              ) : (
                <>
                  <SegmentedControl
                    aria-label={words.signIn.title}
                    value={way}
                    onChange={(chosen) => {
                      setWay(chosen)
                      attempt.reset()
                    }}
                    data={[
                      { value: 'password', label: words.signIn.password },
                      { value: 'code', label: words.signIn.code },
                    ]}
                  />
                  <TextInput
                    type="email"
                    label={words.signIn.email}
                    value={email}
                    onChange={(event) => setEmail(event.currentTarget.value)}
                    autoComplete="username"
                    maxLength={254}
                    required
                  />
                  {way === 'password' ? (
                    <PasswordInput
                      label={words.signIn.passwordField}
                      value={password}
                      onChange={(event) => setPassword(event.currentTarget.value)}
                      autoComplete="current-password"
                      maxLength={1024}
                      required
                    />
                  ) : (
                    codeField
                  )}
                </>
              )}
              <SignInFailure failure={attempt.error} />
              <Button type="submit" loading={attempt.isPending}>
                {second ? words.signIn.confirm : words.signIn.submit}
              </Button>
              {second && (
                <Anchor component="button" type="button" size="sm" onClick={restart}>
                  {words.signIn.back}
                </Anchor>
              )}
            </Stack>
          </form>
        </Paper>
      </Stack>
    </Center>
  )
}

/** A request for the second factor is not a failure. */
function SignInFailure({ failure }: { failure: Failure | null }) {
  return failure?.code === 'TOTP_REQUIRED' ? null : <FailureNote failure={failure} />
}
