import { Button, Stack, Text } from '@mantine/core'
import { Link } from 'react-router'

import { Page } from '../parts/page'
import { useWords } from '../words'

export function MissingPage() {
  const words = useWords()

  return (
    <Page title={words.missing.title}>
      <Stack align="flex-start">
        <Text>{words.missing.text}</Text>
        <Button component={Link} to="/">
          {words.missing.home}
        </Button>
      </Stack>
    </Page>
  )
}
