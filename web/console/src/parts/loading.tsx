import { Center, Loader, VisuallyHidden } from '@mantine/core'

import { useWords } from '../words'

export function Loading({ page = false }: { page?: boolean }) {
  const words = useWords()

  return (
    <Center h={page ? '100vh' : 160} role="status">
      <Loader size="sm" aria-hidden />
      <VisuallyHidden>{words.loading}</VisuallyHidden>
    </Center>
  )
}
