import { Alert, Button, Code, Stack, Text } from '@mantine/core'
import type { Right } from '@konec/toolkit-gateway'
import IconLock from '@tabler/icons-react/dist/esm/icons/IconLock.mjs'
import { Link } from 'react-router'

import { memory, meKey } from '../gateway'
import { Page } from '../parts/page'
import { useWords } from '../words'

/** For a user whose group lacks the right that a page requires; without `right`, any right at all. */
export function ForbiddenPage({ right }: { right: Right | undefined }) {
  const words = useWords()

  return (
    <Page title={right ? words.forbidden.title : words.forbidden.noneTitle}>
      <Alert variant="outline" color="orange" icon={<IconLock aria-hidden />} maw={560}>
        <Stack gap="sm" align="flex-start">
          <Text size="sm">{right ? words.forbidden.text : words.forbidden.noneText}</Text>
          {right && (
            <Text size="sm">
              {words.forbidden.needs}
              {words.colon}
              {words.rights[right]} <Code>{right}</Code>
            </Text>
          )}
          <Stack gap="xs">
            <Button variant="default" onClick={() => void memory.invalidateQueries({ queryKey: meKey })}>
              {words.forbidden.again}
            </Button>
            <Button variant="default" component={Link} to="/profile">
              {words.pages.profile}
            </Button>
          </Stack>
        </Stack>
      </Alert>
    </Page>
  )
}
