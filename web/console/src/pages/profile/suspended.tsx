import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { keepFactor, type PublicUser, type SuspendableFactor, unbind } from '@konec/toolkit-gateway'
import IconAlertCircle from '@tabler/icons-react/dist/esm/icons/IconAlertCircle.mjs'

import { useChange } from '../../change'
import { ask, client } from '../../gateway'
import { useAnnounce } from '../../parts/announcement'
import { FailureNote } from '../../parts/failure'
import { useWords } from '../../words'

/** Asks about each factor that a password reset has suspended: the user keeps it, or removes it. */
export function Suspended({ user }: { user: PublicUser }) {
  const words = useWords()
  const announce = useAnnounce()
  const keep = useChange(
    (factor: SuspendableFactor) => ask(keepFactor({ client, path: { factor } })),
    () => announce(words.suspended.keptNote),
  )
  const remove = useChange(
    (key: 'phone' | 'totp' | 'lark') => ask(unbind({ client, path: { key } })),
    () => announce(words.suspended.removedNote),
  )

  const asked = user.secondFactor || user.secondFactorRequired // then the app can be replaced, not removed

  if (user.suspended.length === 0) {
    return null
  }

  return (
    <Alert variant="outline" color="orange" icon={<IconAlertCircle aria-hidden />} title={words.suspended.title}>
      <Stack gap="sm">
        <Text size="sm">{words.suspended.text}</Text>
        {user.suspended.map((factor) => (
          <Group key={factor} gap="xs">
            <Text size="sm" fw={600} flex={1}>
              {words.suspended.factors[factor]}
            </Text>
            <Button
              variant="default"
              size="xs"
              loading={keep.isPending && keep.variables === factor}
              onClick={() => keep.mutate(factor)}
              aria-label={words.suspended.keepOf(words.suspended.factors[factor])}
            >
              {words.suspended.keep}
            </Button>
            {factor !== 'recovery_codes' && !(factor === 'totp' && asked) && (
              <Button
                variant="default"
                size="xs"
                c="var(--mantine-color-red-text)"
                loading={remove.isPending && remove.variables === factor}
                onClick={() => remove.mutate(factor)}
                aria-label={words.suspended.removeOf(words.suspended.factors[factor])}
              >
                {words.suspended.remove}
              </Button>
            )}
          </Group>
        ))}
        {asked && user.suspended.includes('totp') && <Text size="sm">{words.suspended.replace}</Text>}
        <FailureNote failure={keep.error ?? remove.error} />
      </Stack>
    </Alert>
  )
}
