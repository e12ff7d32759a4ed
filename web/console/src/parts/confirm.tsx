import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'

import { useAsked } from '../identity'
import { useWords } from '../words'
import { FailureNote } from './failure'

interface Props {
  opened: boolean
  title: string
  text?: ReactNode
  /** The label of the button: the action itself, not "OK". */
  act: string
  /** The change removes something. */
  grave?: boolean
  change: { isPending: boolean; error: Error | null; reset: () => void }
  ready?: boolean
  onAct: () => void
  onClose: () => void
  children?: ReactNode
}

/** Asks for confirmation before a change that users will notice, and shows why it failed. */
export function Confirm({ opened, title, text, act, grave, change, ready = true, onAct, onClose, children }: Props) {
  const words = useWords()
  const asked = useAsked() // its dialog takes the place of this one
  const close = () => {
    change.reset()
    onClose()
  }

  return (
    <Modal opened={opened && !asked} onClose={close} title={title} closeButtonProps={{ 'aria-label': words.close }}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          onAct()
        }}
      >
        <Stack gap="sm">
          {text && <Text size="sm">{text}</Text>}
          {children}
          <FailureNote failure={change.error} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              {words.cancel}
            </Button>
            <Button type="submit" color={grave ? 'red' : undefined} loading={change.isPending} disabled={!ready}>
              {act}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
