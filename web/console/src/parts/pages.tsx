import { Button, Center, Text } from '@mantine/core'
import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'

import { useWords } from '../words'
import { FailureNote } from './failure'

/** A list in pages, each of which names the beginning of the next. */
export function usePages<P extends { next: string | null }>(
  key: QueryKey,
  page: (cursor: string | undefined) => Promise<P>,
  options: { enabled?: boolean; refetchInterval?: number } = {},
) {
  return useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => page(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: P) => last.next ?? undefined,
    ...options,
  })
}

interface Props {
  pages: {
    hasNextPage: boolean
    isFetchingNextPage: boolean
    isFetchNextPageError: boolean
    error: Error | null
    fetchNextPage: () => unknown
  }
  /** The number of entries shown. An empty page need not be the last. */
  shown: number
}

/** Loads the next page when it comes into view, or on demand. */
export function More({ pages, shown }: Props) {
  const words = useWords()
  const place = useRef<HTMLDivElement>(null)
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = pages

  useEffect(() => {
    if (!place.current || !hasNextPage || isFetchingNextPage || isFetchNextPageError) {
      return
    }

    const observer = new IntersectionObserver(([seen]) => {
      if (seen?.isIntersecting) {
        fetchNextPage()
      }
    })
    observer.observe(place.current)

    return () => observer.disconnect()
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage])

  if (isFetchNextPageError) {
    return <FailureNote failure={pages.error} retry={() => fetchNextPage()} />
  }

  return (
    <Center ref={place} mih={48}>
      {hasNextPage ? (
        <Button variant="default" loading={isFetchingNextPage} onClick={() => fetchNextPage()}>
          {words.more}
        </Button>
      ) : (
        shown > 20 && (
          <Text size="sm" c="dimmed">
            {words.end}
          </Text>
        )
      )}
    </Center>
  )
}
