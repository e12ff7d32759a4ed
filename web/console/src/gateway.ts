import { type AnyErrorCode, createConsole, type ErrorBody as Refusal, type FieldError } from '@konec/toolkit-gateway'
import { QueryCache, QueryClient, MutationCache } from '@tanstack/react-query'

/** Why a request failed: the gateway's error, or, without a code, that there was no response. */
export class Failure extends Error {
  constructor(
    readonly code: AnyErrorCode | undefined,
    message: string,
    readonly requestId = '',
    readonly fields: FieldError[] = [],
    readonly retryAfter = 0,
  ) {
    super(message)
  }
}

/** The key of the signed-in user; null while no one is. */
export const meKey = ['me']

/** The cache of responses. */
export const memory: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noticeRights }),
  mutationCache: new MutationCache({ onError: noticeRights }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // The client retries 503 by itself; a refusal is final.
      retry: (times, failure) => times < 2 && failure instanceof Failure && failure.code === undefined,
    },
    // A change does not wait for the network: the user repeats it, under the same key.
    mutations: { networkMode: 'always' },
  },
})

const gateway = createConsole({ onSignedOut: forget })

export const { client, keepSignedIn } = gateway

/** Sets the language of the gateway's messages. */
export function speak(language: string) {
  client.setConfig({ headers: { 'Accept-Language': language } })
}

/** No one is signed in any more: nothing that the user saw is kept. */
export function forget() {
  memory.setQueryData(meKey, null)
  memory.removeQueries({ predicate: (query) => query.queryKey[0] !== meKey[0] })
}

/** Returns the data of an operation's response, and throws a Failure if it has none. */
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

/** The headers of a change: the version that it applies to, and a key under which it happens once. */
export function changing(version: number, key: string) {
  return { 'If-Match': `"${version}"`, 'Idempotency-Key': key }
}

/** A right that is missing now may have existed when the page was rendered. */
function noticeRights(failure: Error) {
  if (failure instanceof Failure && (failure.code === 'RIGHT_MISSING' || failure.code === 'TWO_FACTORS_REQUIRED')) {
    void memory.invalidateQueries({ queryKey: meKey })
  }
}
