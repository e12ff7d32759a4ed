import { Button, CopyButton, Group, List, Modal, Stack, Switch, Text } from '@mantine/core'
import { createRecoveryCodes, createTotp, type PublicUser, setSecondFactor, unbind } from '@konec/toolkit-gateway'
import { useState } from 'react'

import { useChange } from '../../change'
import { ask, client } from '../../gateway'
import { useAnnounce } from '../../parts/announcement'
import { Confirm } from '../../parts/confirm'
import { FailureNote } from '../../parts/failure'
import { Section } from '../../parts/page'
import { Panel } from '../../parts/panel'
import { useWords } from '../../words'
import { Binding } from './binding'

/** The user's authenticator app and recovery codes. */
export function SecondFactor({ user }: { user: PublicUser }) {
  const words = useWords()
  const announce = useAnnounce()
  const bound = user.totp === '*'
  const [secret, setSecret] = useState<string>()
  const [codes, setCodes] = useState<string[]>()
  const [unbinding, setUnbinding] = useState(false)

  const begin = useChange(
    () => ask(createTotp({ client })),
    ({ totp }) => setSecret(totp),
  )
  const recover = useChange(
    () => ask(createRecoveryCodes({ client })),
    (made) => setCodes(made.codes),
  )
  const choose = useChange(
    (enabled: boolean) => ask(setSecondFactor({ client, body: { enabled } })),
    (_, enabled) => announce(enabled ? words.profile.asked : words.profile.notAsked),
  )
  const remove = useChange(
    () => ask(unbind({ client, path: { key: 'totp' } })),
    () => {
      setUnbinding(false)
      announce(words.profile.unbound)
    },
  )

  return (
    <Panel>
      <Section title={words.profile.totp}>
        <Text size="sm">{bound ? words.profile.totpBound : words.profile.totpUnbound}</Text>
        <Group gap="xs">
          <Button
            variant={bound ? 'default' : 'filled'}
            loading={begin.isPending}
            onClick={() => begin.mutate(undefined)}
          >
            {bound ? words.profile.rebind : words.profile.bind}
          </Button>
          {bound && (
            <Button variant="default" c="var(--mantine-color-red-text)" onClick={() => setUnbinding(true)}>
              {words.profile.unbind}
            </Button>
          )}
        </Group>
        {bound && (
          <>
            <Text size="sm" mt="xs">
              {words.profile.recoveryText}
            </Text>
            <Group>
              <Button variant="default" loading={recover.isPending} onClick={() => recover.mutate(undefined)}>
                {words.profile.makeRecovery}
              </Button>
            </Group>
          </>
        )}
        {(bound || user.secondFactor) && (
          <Switch
            mt="xs"
            label={words.profile.ask}
            description={words.profile.askHint}
            checked={user.secondFactor || user.secondFactorRequired}
            disabled={choose.isPending || user.secondFactorRequired}
            onChange={(event) => choose.mutate(event.currentTarget.checked)}
          />
        )}
        <FailureNote failure={begin.error ?? recover.error ?? choose.error} />
      </Section>

      {secret && (
        <Binding
          otpauth={secret}
          onClose={() => setSecret(undefined)}
          onBound={(made) => {
            setSecret(undefined)
            setCodes(made)
            announce(words.profile.bound)
          }}
        />
      )}
      <Confirm
        opened={unbinding}
        title={words.profile.unbindTitle}
        text={words.profile.unbindText}
        act={words.profile.unbind}
        grave
        change={remove}
        onAct={() => remove.mutate(undefined)}
        onClose={() => setUnbinding(false)}
      />
      <RecoveryCodes codes={codes} onClose={() => setCodes(undefined)} />
    </Panel>
  )
}

/** Shown only once, so only the button closes it. */
function RecoveryCodes({ codes, onClose }: { codes: string[] | undefined; onClose: () => void }) {
  const words = useWords()

  return (
    <Modal
      opened={codes !== undefined}
      onClose={onClose}
      title={words.profile.recoveryTitle}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <Stack gap="sm">
        <Text size="sm">{words.profile.recoveryOnce}</Text>
        <List ff="monospace" aria-label={words.profile.recovery}>
          {codes?.map((code) => (
            <List.Item key={code}>{code}</List.Item>
          ))}
        </List>
        <Group justify="flex-end" gap="xs">
          <CopyButton value={codes?.join('\n') ?? ''}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy}>
                {copied ? words.copied : words.copy}
              </Button>
            )}
          </CopyButton>
          <Button onClick={onClose}>{words.profile.kept}</Button>
        </Group>
      </Stack>
    </Modal>
  )
}
