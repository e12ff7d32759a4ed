import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { type AccessReason, type AdminAccount, unlockAccount } from '@konec/toolkit-gateway'
import IconAlertTriangle from '@tabler/icons-react/dist/esm/icons/IconAlertTriangle.mjs'
import IconCircleCheck from '@tabler/icons-react/dist/esm/icons/IconCircleCheck.mjs'
import { useState } from 'react'

import { useChange } from '../../change'
import { ask, client } from '../../gateway'
import { useMay } from '../../me'
import { useAnnounce } from '../../parts/announcement'
import { FailureNote } from '../../parts/failure'
import { Section } from '../../parts/page'
import { When } from '../../parts/when'
import { useWords } from '../../words'
import { ChangeGroup, ChangeStatus } from './access'
import { useTimeline } from './timeline'

/** These keep the user out; the others may. */
const grave = new Set<AccessReason['code']>(['DISABLED', 'DELETED', 'WAIT'])

/** Why the user cannot sign in now, and what can be done about each reason. */
export function Reasons({ account }: { account: AdminAccount }) {
  const words = useWords()
  const first = useTimeline(account.id).data?.pages[0]

  return (
    <Section title={words.account.reasons}>
      {first?.reasons.length === 0 && (
        <Alert variant="outline" color="teal" icon={<IconCircleCheck aria-hidden />}>
          {words.account.noReasons}
        </Alert>
      )}
      {first && first.reasons.length > 0 && <List account={account} reasons={first.reasons} />}
    </Section>
  )
}

function List({ account, reasons }: { account: AdminAccount; reasons: AccessReason[] }) {
  const words = useWords()

  return (
    <Stack gap="xs" component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
      {reasons.map((reason) => (
        <li key={`${reason.code} ${reason.factor}`}>
          <Alert
            variant="outline"
            color={grave.has(reason.code) ? 'red' : 'orange'}
            icon={<IconAlertTriangle aria-hidden />}
          >
            <Group justify="space-between" gap="xs">
              <Text size="sm">
                {words.reasons[reason.code](words.factors[reason.factor ?? ''] ?? reason.factor ?? '')}
                {reason.until && (
                  <>
                    {words.until.before}
                    <When at={reason.until} seconds />
                    {words.until.after}
                  </>
                )}
              </Text>
              <Remedy account={account} reason={reason} />
            </Group>
          </Alert>
        </li>
      ))}
    </Stack>
  )
}

/** The action that removes a reason. */
function Remedy({ account, reason }: { account: AdminAccount; reason: AccessReason }) {
  const words = useWords()
  const announce = useAnnounce()
  const may = useMay('accounts.write')
  const [opened, setOpened] = useState(false)
  const unlock = useChange(
    () => ask(unlockAccount({ client, path: { accountId: account.id } })),
    () => announce(words.account.unlocked),
  )

  if (!may) {
    return null
  }

  const close = () => setOpened(false)

  switch (reason.code) {
    case 'WAIT':
    case 'SEND_LIMIT':
      return (
        <>
          <Button variant="default" size="xs" loading={unlock.isPending} onClick={() => unlock.mutate(undefined)}>
            {words.account.unlock}
          </Button>
          <FailureNote failure={unlock.error} />
        </>
      )
    case 'DISABLED':
    case 'DELETED':
      return (
        <>
          <Button variant="default" size="xs" onClick={() => setOpened(true)}>
            {reason.code === 'DELETED' ? words.account.restore : words.account.enable}
          </Button>
          <ChangeStatus account={account} opened={opened} onClose={close} />
        </>
      )
    case 'NO_GROUP':
      return (
        <>
          <Button variant="default" size="xs" onClick={() => setOpened(true)}>
            {words.account.changeGroup}
          </Button>
          <ChangeGroup account={account} opened={opened} onClose={close} />
        </>
      )
    default:
      return null
  }
}
