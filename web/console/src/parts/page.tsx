import { Group, Stack, Text, Title } from '@mantine/core'
import { type ReactNode, useEffect, useRef } from 'react'

import { useWords } from '../words'

interface Props {
  title: string
  intro?: ReactNode
  /** Content beside the title. */
  aside?: ReactNode
  children: ReactNode
}

/** The frame of a page. Its heading receives the focus when it opens, as in a new document. */
export function Page({ title, intro, aside, children }: Props) {
  const words = useWords()
  const heading = useRef<HTMLHeadingElement>(null)

  useEffect(() => heading.current?.focus({ preventScroll: true }), [])
  useEffect(() => {
    document.title = `${title} · ${words.product}`
  }, [title, words])

  return (
    <Stack gap="md">
      <Group justify="space-between" align="flex-end" gap="sm">
        <div>
          <Title order={1} ref={heading} tabIndex={-1}>
            {title}
          </Title>
          {intro && (
            <Text size="sm" c="dimmed">
              {intro}
            </Text>
          )}
        </div>
        {aside}
      </Group>
      {children}
    </Stack>
  )
}

/** A part of a page under a heading of its own. */
export function Section({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <Stack component="section" gap="xs">
      <Group justify="space-between" gap="xs" mih={30}>
        <Title order={2}>{title}</Title>
        {aside}
      </Group>
      {children}
    </Stack>
  )
}
