import { Alert, Button, Stack, Text } from '@mantine/core'
import IconLock from '@tabler/icons-react/dist/esm/icons/IconLock.mjs'
import { Link } from 'react-router'

import { memory, meKey } from '../gateway'
import { confirmIdentity } from '../identity'
import { Page } from '../parts/page'
import { useWords } from '../words'

/** For a user of whom two factors are asked, and whose session was opened with one. */
export function UnconfirmedPage() {
  const words = useWords()
  const confirm = async () => {
    if (await confirmIdentity()) {
      await memory.invalidateQueries({ queryKey: meKey })
    }
  }

  return (
    <Page title={words.unconfirmed.title}>
      <Alert variant="outline" color="orange" icon={<IconLock aria-hidden />} maw={560}>
        <Stack gap="sm" align="flex-start">
          <Text size="sm">{words.unconfirmed.text}</Text>
          <Button onClick={() => void confirm()}>{words.unconfirmed.confirm}</Button>
          <Text size="sm">{words.unconfirmed.unbound}</Text>
          <Button variant="default" component={Link} to="/profile">
            {words.pages.profile}
          </Button>
        </Stack>
      </Alert>
    </Page>
  )
}
