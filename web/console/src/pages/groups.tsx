import { Badge, Button, Checkbox, Group, Stack, Switch, Text, TextInput } from '@mantine/core'
import { changeGroup, createGroup, deleteGroup, type Group as MemberGroup, type Right } from '@konec/toolkit-gateway'
import { useEffect, useState } from 'react'

import { useChange } from '../change'
import { ask, changing, client } from '../gateway'
import { useGroups } from '../groups'
import { useMay, useMe } from '../me'
import { useAnnounce } from '../parts/announcement'
import { newcomers } from '../parts/badges'
import { Confirm } from '../parts/confirm'
import { Listing } from '../parts/listing'
import { Page } from '../parts/page'
import { When } from '../parts/when'
import { useWords } from '../words'

/** The member groups, and what their members may do. */
export function GroupsPage() {
  const words = useWords()
  const groups = useGroups()
  const may = useMay('groups.write')
  const [edited, setEdited] = useState<string>() // a name; empty for a new one
  const [removed, setRemoved] = useState<string>()
  const byName = (name: string | undefined) => groups.data?.find((group) => group.name === name)

  return (
    <Page
      title={words.pages.groups}
      aside={may && <Button onClick={() => setEdited('')}>{words.groups.create}</Button>}
    >
      <Listing
        label={words.pages.groups}
        rows={groups.data}
        idOf={({ name }) => name}
        failure={groups.error}
        retry={() => void groups.refetch()}
        empty={words.groups.empty}
        columns={[
          {
            key: 'name',
            head: words.groups.name,
            cell: ({ name }) => (
              <Text span size="sm" fw={500}>
                {name}
              </Text>
            ),
          },
          { key: 'description', head: words.groups.description, long: true, cell: ({ description }) => description },
          {
            key: 'rights',
            head: words.groups.rights,
            cell: ({ rights }) =>
              rights.length === 0 ? (
                <Text span size="sm" c="dimmed">
                  {words.none}
                </Text>
              ) : (
                <Group gap={4}>
                  {rights.map((right) => (
                    <Badge key={right} variant="default" tt="none" fw={400} title={right}>
                      {words.rights[right]}
                    </Badge>
                  ))}
                </Group>
              ),
          },
          {
            key: 'totp',
            head: words.groups.requiresTotp,
            cell: ({ requiresTotp }) => (requiresTotp ? words.groups.required : words.groups.notRequired),
          },
          { key: 'updated', head: words.account.updated, cell: ({ updatedAt }) => <When at={updatedAt} /> },
          ...(may
            ? [
                {
                  key: 'actions',
                  head: words.actions,
                  hideHead: true,
                  cell: ({ name }: MemberGroup) => (
                    <Group gap={4} wrap="nowrap" justify="flex-end">
                      <Button
                        variant="subtle"
                        size="compact-sm"
                        aria-label={words.groups.changeTitle(name)}
                        onClick={() => setEdited(name)}
                      >
                        {words.groups.change}
                      </Button>
                      {name !== newcomers && (
                        <Button
                          variant="subtle"
                          color="red"
                          size="compact-sm"
                          aria-label={words.groups.removeTitle(name)}
                          onClick={() => setRemoved(name)}
                        >
                          {words.groups.remove}
                        </Button>
                      )}
                    </Group>
                  ),
                },
              ]
            : []),
        ]}
      />
      <Editor opened={edited !== undefined} group={byName(edited)} onClose={() => setEdited(undefined)} />
      <Remover group={byName(removed)} onClose={() => setRemoved(undefined)} />
    </Page>
  )
}

interface Draft {
  name: string
  description: string
  rights: Right[]
  requiresTotp: boolean
}

const blank: Draft = { name: '', description: '', rights: [], requiresTotp: false }

/** Creates or changes a group. If someone else was faster, it shows their version. */
function Editor({ opened, group, onClose }: { opened: boolean; group: MemberGroup | undefined; onClose: () => void }) {
  const words = useWords()
  const me = useMe()
  const announce = useAnnounce()
  const [draft, setDraft] = useState(blank)
  const version = group?.version

  useEffect(() => {
    if (opened) {
      setDraft(group ? { ...group } : blank)
    }
    // An unchanged group that was requested again does not discard what was typed.
  }, [opened, group?.name, version])

  const change = useChange(
    async ({ version, name, ...content }: Draft & { version: number | undefined }, key) =>
      version === undefined
        ? ask(createGroup({ client, headers: { 'Idempotency-Key': key }, body: { name, ...content } }))
        : ask(changeGroup({ client, path: { group: name }, headers: changing(version, key), body: content })),
    (_, { version }) => {
      announce(version === undefined ? words.groups.created : words.groups.changed)
      onClose()
    },
  )

  const put = (part: Partial<Draft>) => setDraft({ ...draft, ...part })
  const { name, description, rights, requiresTotp } = draft
  const allRights = Object.keys(words.rights) as Right[]
  const lacking = allRights.some((right) => !me.rights.includes(right))

  return (
    <Confirm
      opened={opened}
      title={group ? words.groups.changeTitle(group.name) : words.groups.create}
      act={words.save}
      change={change}
      onAct={() => change.mutate({ version, name: name.trim(), description, rights, requiresTotp })}
      onClose={onClose}
    >
      {!group && (
        <TextInput
          label={words.groups.name}
          description={words.groups.nameHint}
          value={name}
          onChange={(event) => put({ name: event.currentTarget.value })}
          maxLength={32}
          required
          data-autofocus
        />
      )}
      <TextInput
        label={words.groups.description}
        value={description}
        onChange={(event) => put({ description: event.currentTarget.value })}
        maxLength={256}
      />
      <Checkbox.Group
        label={words.groups.rights}
        description={lacking ? words.groups.lacking : undefined}
        value={rights}
        onChange={(chosen) => put({ rights: chosen as Right[] })}
      >
        <Stack gap="xs" mt="xs">
          {allRights.map((right) => (
            <Checkbox
              key={right}
              value={right}
              label={words.rights[right]}
              description={words.rightsMore[right]}
              disabled={!me.rights.includes(right)}
            />
          ))}
        </Stack>
      </Checkbox.Group>
      <Switch
        label={words.groups.requiresTotpField}
        description={words.groups.requiresTotpHint}
        checked={requiresTotp}
        onChange={(event) => put({ requiresTotp: event.currentTarget.checked })}
      />
    </Confirm>
  )
}

function Remover({ group, onClose }: { group: MemberGroup | undefined; onClose: () => void }) {
  const words = useWords()
  const announce = useAnnounce()
  const change = useChange(
    ({ name, version }: { name: string; version: number }) =>
      ask(deleteGroup({ client, path: { group: name }, headers: { 'If-Match': `"${version}"` } })),
    () => {
      announce(words.groups.removed)
      onClose()
    },
  )

  return (
    <Confirm
      opened={group !== undefined}
      title={words.groups.removeTitle(group?.name ?? '')}
      text={words.groups.removeText}
      act={words.groups.remove}
      grave
      change={change}
      onAct={() => group && change.mutate({ name: group.name, version: group.version })}
      onClose={onClose}
    />
  )
}
