import { Alert, Button, Center, Code, List, Text } from '@mantine/core'
import IconAlertCircle from '@tabler/icons-react/dist/esm/icons/IconAlertCircle.mjs'

import { Failure } from '../gateway'
import { useWords } from '../words'

interface Props {
  failure: Error | null
  retry?: () => void
  /** The page has no other content. */
  page?: boolean
}

/** Shows what went wrong, and the id under which the server's log has it. */
export function FailureNote({ failure, retry, page = false }: Props) {
  const words = useWords()
  if (!failure) {
    return null
  }

  const known = failure instanceof Failure ? failure : undefined
  const note = (
    <Alert
      role="alert"
      color="red"
      variant="outline"
      maw={page ? 520 : undefined}
      icon={<IconAlertCircle aria-hidden />}
      title={words.failure.title}
    >
      <Text size="sm">{known?.code ? known.message : known ? words.failure.outage : failure.message}</Text>
      {known?.code === 'VERSION_CONFLICT' && <Text size="sm">{words.failure.conflict}</Text>}
      {known && known.retryAfter > 0 && <Text size="sm">{words.failure.wait(known.retryAfter)}</Text>}
      {known && known.fields.length > 0 && (
        <List size="sm" mt={4}>
          {known.fields.map((field) => (
            <List.Item key={field.field + field.message}>{field.message}</List.Item>
          ))}
        </List>
      )}
      {known?.requestId && (
        <Text size="xs" c="dimmed" mt={4}>
          {words.failure.requestId} <Code>{known.requestId}</Code>
        </Text>
      )}
      {retry && (
        <Button variant="default" size="xs" mt="xs" onClick={retry}>
          {words.retry}
        </Button>
      )}
    </Alert>
  )

  return page ? (
    <Center component="main" mih="100vh" p="md">
      {note}
    </Center>
  ) : (
    note
  )
}
