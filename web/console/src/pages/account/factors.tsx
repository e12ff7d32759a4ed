import { Button, Group, Stack, Text } from '@mantine/core'
import { type AdminAccount, type Factors as Set, resetFactor } from '@konec/toolkit-gateway'
import { useState } from 'react'

import { useChange } from '../../change'
import { ask, changing, client } from '../../gateway'
import { useMay } from '../../me'
import { useAnnounce } from '../../parts/announcement'
import { Confirm } from '../../parts/confirm'
import { Section } from '../../parts/page'
import { Panel } from '../../parts/panel'
import { useWords } from '../../words'

const names = ['password', 'phone', 'totp', 'lark'] as const
type Name = (typeof names)[number]

/** The user's ways to sign in, and how to reset one that was lost. */
export function Factors({ account }: { account: AdminAccount }) {
  const words = useWords()
  const announce = useAnnounce()
  const may = useMay('accounts.write')
  const [asked, setAsked] = useState<Name>()
  const reset = useChange(
    ({ factor, version }: { factor: Name; version: number }, key) =>
      ask(resetFactor({ client, path: { accountId: account.id, factor }, headers: changing(version, key) })),
    () => {
      setAsked(undefined)
      announce(words.account.factor.done)
    },
  )

  const factors = account.factors
  if (!factors) {
    return null
  }

  const say = (name: Name): string => {
    if (!isSet(factors, name)) {
      return words.account.factor.unset
    }
    switch (name) {
      case 'password':
        return `${words.account.factor.set} · ${factors.password}`
      case 'totp':
        return `${words.account.factor.set} · ${words.account.factor.recoveryCodes(factors.recoveryCodes)}`
      case 'lark':
        return factors.lark
      case 'phone':
        return account.phone || words.account.factor.set
    }
  }

  return (
    <Panel>
      <Section title={words.account.factors}>
        <Stack gap={6}>
          {names.map((name) => (
            <Group key={name} justify="space-between" wrap="nowrap" mih={28}>
              <div>
                <Text size="sm" fw={500}>
                  {words.account.factor[name]}
                </Text>
                <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                  {say(name)}
                </Text>
              </div>
              {may && isSet(factors, name) && (
                <Button
                  variant="default"
                  size="compact-sm"
                  aria-label={words.account.factor.resetTitle(words.account.factor[name])}
                  onClick={() => setAsked(name)}
                >
                  {words.account.factor.reset}
                </Button>
              )}
            </Group>
          ))}
        </Stack>
        <Confirm
          opened={asked !== undefined}
          title={asked ? words.account.factor.resetTitle(words.account.factor[asked]) : ''}
          text={textOf(words.account.factor, asked)}
          act={words.account.factor.reset}
          grave
          change={reset}
          onAct={() => asked && reset.mutate({ factor: asked, version: account.version })}
          onClose={() => setAsked(undefined)}
        />
      </Section>
    </Panel>
  )
}

function isSet(factors: Set, name: Name): boolean {
  return Boolean(factors[name])
}

function textOf(words: Record<'resetText' | 'resetPassword' | 'resetTotp', string>, name: Name | undefined): string {
  switch (name) {
    case 'password':
      return words.resetPassword
    case 'totp':
      return words.resetTotp
    default:
      return words.resetText
  }
}
