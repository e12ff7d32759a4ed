import { Button, NativeSelect, Switch, TextInput } from '@mantine/core'
import { createAccount, type CreateAccountRequest } from '@konec/toolkit-gateway'
import { useState } from 'react'
import { useNavigate } from 'react-router'

import { useChange } from '../change'
import { ask, client } from '../gateway'
import { useGroups } from '../groups'
import { useAnnounce } from '../parts/announcement'
import { newcomers } from '../parts/badges'
import { Confirm } from '../parts/confirm'
import { useWords } from '../words'

const blank: CreateAccountRequest = { email: '', name: '', memberGroup: newcomers, invite: true }

/** Creates an account for a user, and opens its page. */
export function NewAccount() {
  const words = useWords()
  const groups = useGroups()
  const announce = useAnnounce()
  const navigate = useNavigate()
  const [opened, setOpened] = useState(false)
  const [draft, setDraft] = useState(blank)
  const put = (part: Partial<CreateAccountRequest>) => setDraft({ ...draft, ...part })

  const create = useChange(
    (body: CreateAccountRequest, key) => ask(createAccount({ client, headers: { 'Idempotency-Key': key }, body })),
    ({ account }) => {
      announce(words.accounts.created)
      void navigate(`/accounts/${account.id}`)
    },
  )

  return (
    <>
      <Button
        onClick={() => {
          setDraft(blank)
          setOpened(true)
        }}
      >
        {words.accounts.create}
      </Button>
      <Confirm
        opened={opened}
        title={words.accounts.create}
        text={words.accounts.createText}
        act={words.accounts.create}
        change={create}
        onAct={() => create.mutate({ ...draft, name: draft.name.trim() })}
        onClose={() => setOpened(false)}
      >
        <TextInput
          type="email"
          label={words.account.email}
          value={draft.email}
          onChange={(event) => put({ email: event.currentTarget.value })}
          maxLength={254}
          autoComplete="off"
          required
          data-autofocus
        />
        <TextInput
          label={words.account.name}
          value={draft.name}
          onChange={(event) => put({ name: event.currentTarget.value })}
          maxLength={64}
          autoComplete="off"
          required
        />
        <NativeSelect
          label={words.account.group}
          value={draft.memberGroup}
          onChange={(event) => put({ memberGroup: event.currentTarget.value })}
          data={(groups.data ?? []).map(({ name }) => name)}
        />
        <Switch
          label={words.accounts.invite}
          checked={draft.invite}
          onChange={(event) => put({ invite: event.currentTarget.checked })}
        />
      </Confirm>
    </>
  )
}
