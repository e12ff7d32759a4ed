import { createConsole, type Error as Refusal, type ErrorCode, type FieldError } from '@konec/toolkit-gateway'
import { QueryCache, QueryClient, MutationCache } from '@tanstack/react-query'

/** Why something did not work: what the gateway said, or, where there is no code, that it said nothing. */
export class Failure extends Error {
  constructor(
    readonly code: ErrorCode | undefined,
    message: string,
    readonly requestId = '',
    readonly fields: FieldError[] = [],
    readonly retryAfter = 0,
  ) {
    super(message)
  }
}

/** The key of who is signed in; null while nobody is. */
export const meKey = ['me']

/** What was asked of the gateway before. */
export const memory: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noticeRights }),
  mutationCache: new MutationCache({ onError: noticeRights }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // The client waits out 503 by itself; a refusal stays one.
      retry: (times, failure) => times < 2 && failure instanceof Failure && failure.code === undefined,
    },
    // A change waits for nobody's network: its person repeats it, under the same key.
    mutations: { networkMode: 'always' },
  },
})

const gateway = createConsole({ onSignedOut: forget })

export const { client, keepSignedIn } = gateway

/** Has the gateway answer in a language. */
export function speak(language: string) {
  client.setConfig({ headers: { 'Accept-Language': language } })
}

/** Nobody is signed in any more: nothing of what they saw stays. */
export function forget() {
  memory.setQueryData(meKey, null)
  memory.removeQueries({ predicate: (query) => query.queryKey[0] !== meKey[0] })
}

/** Waits for an operation's answer, and throws a Failure where it is none. */
export async function ask<T>(
  operation: Promise<{ data?: T; error?: unknown; response?: Response | undefined }>,
): Promise<T> {
  const { data, error, response } = await operation
  if (response?.ok) {
    return data as T
  }

  const refusal = error as Partial<Refusal> | undefined
  if (refusal?.code === undefined) {
    throw new Failure(undefined, '')
  }

  throw new Failure(
    refusal.code,
    refusal.message ?? refusal.code,
    refusal.requestId,
    refusal.errors,
    Number(response?.headers.get('Retry-After') ?? 0),
  )
}

/** The headers of a change: the version that it is made to, and a key under which it happens once. */
export function changing(version: number, key: string) {
  return { 'If-Match': `"${version}"`, 'Idempotency-Key': key }
}

/** A right that is missing now may have been there when the page was drawn. */
function noticeRights(failure: Error) {
  if (failure instanceof Failure && failure.code === 'RIGHT_MISSING') {
    void memory.invalidateQueries({ queryKey: meKey })
  }
}
