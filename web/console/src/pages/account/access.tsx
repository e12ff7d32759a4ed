import { Button, Group, NativeSelect, TextInput } from '@mantine/core'
import {
  type AdminAccount,
  deleteAccount,
  exportAccount,
  sendCode,
  setAccountGroup,
  setAccountStatus,
} from '@konec/toolkit-gateway'
import { useState } from 'react'

import { useChange } from '../../change'
import { ask, changing, client } from '../../gateway'
import { useGroups } from '../../groups'
import { useMay } from '../../me'
import { useAnnounce } from '../../parts/announcement'
import { Confirm } from '../../parts/confirm'
import { FailureNote } from '../../parts/failure'
import { Section } from '../../parts/page'
import { Panel } from '../../parts/panel'
import { useWords } from '../../words'

/** The group and status of the account, and further actions. */
export function Access({ account }: { account: AdminAccount }) {
  const words = useWords()
  const mayWrite = useMay('accounts.write')
  const mayDelete = useMay('accounts.delete')
  const mayAudit = useMay('audit.read')
  const [asked, setAsked] = useState<'group' | 'status' | 'delete'>()
  const close = () => setAsked(undefined)

  if (!mayWrite && !mayDelete) {
    return null
  }

  return (
    <Panel>
      <Section title={words.account.access}>
        <Group gap="xs">
          {mayWrite && (
            <>
              <Button variant="default" size="xs" onClick={() => setAsked('group')}>
                {words.account.changeGroup}
              </Button>
              <Button
                variant="default"
                size="xs"
                c={account.status === 'active' ? 'var(--mantine-color-red-text)' : undefined}
                onClick={() => setAsked('status')}
              >
                {actOf(words.account, account)}
              </Button>
              <Resend account={account} />
            </>
          )}
          {mayDelete && mayAudit && <Export account={account} />}
          {mayDelete && account.status !== 'deleted' && (
            <Button variant="default" size="xs" c="var(--mantine-color-red-text)" onClick={() => setAsked('delete')}>
              {words.account.delete}
            </Button>
          )}
        </Group>
        <ChangeGroup account={account} opened={asked === 'group'} onClose={close} />
        <ChangeStatus account={account} opened={asked === 'status'} onClose={close} />
        <Delete account={account} opened={asked === 'delete'} onClose={close} />
      </Section>
    </Panel>
  )
}

interface Props {
  account: AdminAccount
  opened: boolean
  onClose: () => void
}

export function ChangeGroup({ account, opened, onClose }: Props) {
  const words = useWords()
  const groups = useGroups()
  const announce = useAnnounce()
  const [group, setGroup] = useState('')
  const [reason, setReason] = useState('')
  const change = useChange(
    (what: { version: number; memberGroup: string; reason: string }, key) =>
      ask(
        setAccountGroup({
          client,
          path: { accountId: account.id },
          headers: changing(what.version, key),
          body: { memberGroup: what.memberGroup, reason: what.reason },
        }),
      ),
    () => {
      announce(words.account.done)
      setReason('')
      onClose()
    },
  )

  return (
    <Confirm
      opened={opened}
      title={words.account.changeGroup}
      act={words.save}
      change={change}
      ready={group !== '' && group !== account.memberGroup}
      onAct={() => change.mutate({ version: account.version, memberGroup: group, reason })}
      onClose={onClose}
    >
      <NativeSelect
        label={words.account.newGroup}
        value={group || account.memberGroup}
        onChange={(event) => setGroup(event.currentTarget.value)}
        data={(groups.data ?? []).map(({ name }) => name)}
        data-autofocus
      />
      <ReasonField value={reason} onChange={setReason} />
    </Confirm>
  )
}

export function ChangeStatus({ account, opened, onClose }: Props) {
  const words = useWords()
  const announce = useAnnounce()
  const [reason, setReason] = useState('')
  const to = account.status === 'active' ? 'disabled' : 'active'
  const change = useChange(
    (what: { version: number; status: 'active' | 'disabled'; reason: string }, key) =>
      ask(
        setAccountStatus({
          client,
          path: { accountId: account.id },
          headers: changing(what.version, key),
          body: { status: what.status, reason: what.reason },
        }),
      ),
    () => {
      announce(words.account.done)
      setReason('')
      onClose()
    },
  )

  return (
    <Confirm
      opened={opened}
      title={actOf(words.account, account)}
      text={to === 'disabled' ? words.account.disableText : words.account.enableText}
      act={actOf(words.account, account)}
      grave={to === 'disabled'}
      change={change}
      onAct={() => change.mutate({ version: account.version, status: to, reason })}
      onClose={onClose}
    >
      <ReasonField value={reason} onChange={setReason} />
    </Confirm>
  )
}

function Delete({ account, opened, onClose }: Props) {
  const words = useWords()
  const announce = useAnnounce()
  const change = useChange(
    (version: number, key) =>
      ask(deleteAccount({ client, path: { accountId: account.id }, headers: changing(version, key) })),
    () => {
      announce(words.account.deletedNow)
      onClose()
    },
  )

  return (
    <Confirm
      opened={opened}
      title={words.account.delete}
      text={words.account.deleteText}
      act={words.account.delete}
      grave
      change={change}
      onAct={() => change.mutate(account.version)}
      onClose={onClose}
    />
  )
}

/** Mails a code to set a password to a user who did not receive one. */
function Resend({ account }: { account: AdminAccount }) {
  const words = useWords()
  const announce = useAnnounce()
  const send = useChange(
    () => ask(sendCode({ client, body: { email: account.email, purpose: 'reset' } })),
    () => announce(words.account.resent),
  )

  return (
    <>
      <Button variant="default" size="xs" loading={send.isPending} onClick={() => send.mutate(undefined)}>
        {words.account.resend}
      </Button>
      <FailureNote failure={send.error} />
    </>
  )
}

/** Downloads all data that is kept about the user, as a file. */
function Export({ account }: { account: AdminAccount }) {
  const words = useWords()
  const make = useChange(
    () => ask(exportAccount({ client, path: { accountId: account.id } })),
    (data) => {
      const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }))
      Object.assign(document.createElement('a'), { href: url, download: `account-${account.id}.json` }).click()
      setTimeout(() => URL.revokeObjectURL(url), 60_000) // the browser reads it later
    },
  )

  return (
    <>
      <Button variant="default" size="xs" loading={make.isPending} onClick={() => make.mutate(undefined)}>
        {words.account.export}
      </Button>
      <FailureNote failure={make.error} />
    </>
  )
}

/** The name of the action that changes the status of an account. */
function actOf(words: Record<'disable' | 'enable' | 'restore', string>, { status }: AdminAccount): string {
  return { active: words.disable, disabled: words.enable, deleted: words.restore }[status]
}

function ReasonField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const words = useWords()

  return (
    <TextInput
      label={words.reason}
      description={words.reasonHint}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      maxLength={256}
    />
  )
}
