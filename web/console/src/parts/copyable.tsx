import { ActionIcon, CopyButton, Group, Text, Tooltip } from '@mantine/core'
import IconCheck from '@tabler/icons-react/dist/esm/icons/IconCheck.mjs'
import IconCopy from '@tabler/icons-react/dist/esm/icons/IconCopy.mjs'

import { useWords } from '../words'

/** Text for machines, to be read and copied. */
export function Copyable({ text }: { text: string }) {
  const words = useWords()

  return (
    <Group gap={4} wrap="nowrap">
      <Text span ff="monospace" fz="sm" style={{ overflowWrap: 'anywhere' }}>
        {text}
      </Text>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? words.copied : words.copy}>
            <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`${words.copy}${words.colon}${text}`} onClick={copy}>
              {copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Group>
  )
}
