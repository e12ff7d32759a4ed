import { createClient, createConfig, type Client } from '../../../gen/typescript/client/index.js'
import { login, logout, type LoginRequest } from '../../../gen/typescript/index.js'
import { TokenCache } from './cache.js'
import { until } from './limit.js'
import { sendPatiently } from './patience.js'
import { failureOf, isTokens, refusalIn, trusted } from './response.js'
import { Session, SignedOutError } from './session.js'
import type { TokenStorage } from './storage.js'

export interface GatewayOptions {
  /** Where the server is, such as `https://gateway.example`. */
  baseUrl: string
  storage: TokenStorage
  /** Called when the server has ended the session, after the storage was cleared: show the sign-in page. */
  onSignedOut?: () => void
  /** Called with each failure of the storage. The session continues with the tokens that it has in memory. */
  onStorageError?: (failure: unknown) => void
  /**
   * The milliseconds that a renewal may take, its repetitions included; 60,000 by default. A shorter one gives up before
   * the server does: that waits for up to 40 s in an outage.
   */
  refreshTimeout?: number
  /** The fetch to send with; the global one by default. */
  fetch?: (request: Request) => Promise<Response>
}

export interface Abortable {
  signal?: AbortSignal | undefined
}

export interface Gateway {
  /** Pass it to every operation: `getMe({ client: gateway.client })`. */
  client: Client
  /** Signs in and keeps the tokens. Returns the operation's result, `error` included. */
  signIn(credentials: LoginRequest, options?: Abortable): ReturnType<typeof login<false>>
  /**
   * Ends the session on the server if it can be reached, and on this device in any case. Rejects if the storage still has
   * the tokens.
   */
  signOut(): Promise<void>
  /**
   * Reports whether tokens are kept; only a call shows whether the server still accepts them. Rejects if the storage cannot
   * be read.
   */
  isSignedIn(): Promise<boolean>
  /** An access token for requests that do not go through `client`, such as those to other back ends. */
  accessToken(options?: Abortable): Promise<string>
}

/** Stands for the token until there is a request: only that has the signal of its caller. */
const placeholder = 'session'

/** Creates a client that authenticates its requests, renews its tokens, and survives short outages. */
export function createGateway(options: GatewayOptions): Gateway {
  const fetch = options.fetch ?? ((request: Request) => globalThis.fetch(request))
  const baseUrl = options.baseUrl.replace(/\/+$/, '')

  const plain = createClient(
    createConfig({
      baseUrl,
      // The server never redirects these. What does must not receive a password or a refresh token.
      redirect: 'manual',
      // The server returns the same tokens for a repeated refresh, so a lost response does no harm.
      fetch: send(fetch, (request) => new URL(request.url).pathname.endsWith('/api/auth/refresh')),
    }),
  )
  const session = new Session(
    plain,
    new TokenCache(options.storage, options.onStorageError),
    options.refreshTimeout,
    options.onSignedOut,
  )
  const client = createClient(
    createConfig({
      baseUrl,
      auth: ({ scheme }) => (scheme === 'bearer' ? placeholder : undefined),
      fetch: renewing(send(fetch, isSafe), session),
    }),
  )
  client.interceptors.request.use(async (request) => {
    if (request.headers.get('Authorization') === `Bearer ${placeholder}`) {
      authorize(request, await waitFor(session.accessToken(), request))
    }

    return request
  })

  return {
    client,
    signIn: async (credentials, { signal } = {}) => {
      const result = await login({ client: plain, body: credentials, signal: signal ?? null })
      if (isTokens(result.data)) {
        await session.open(result.data)
        return result
      }

      return { ...result, data: undefined, error: failureOf(result) } as typeof result
    },
    signOut: () => session.close((signal) => logout({ client, signal })),
    isSignedIn: () => session.isOpen(),
    accessToken: ({ signal } = {}) => (signal ? until(signal, session.accessToken()) : session.accessToken()),
  }
}

type Fetch = (request: Request) => Promise<Response>

/** Safe methods may be sent again, whatever became of the first attempt (RFC 9110, section 9.2.1). */
function isSafe(request: Request): boolean {
  return request.method === 'GET' || request.method === 'HEAD'
}

function send(fetch: Fetch, repeatable: (request: Request) => boolean): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init)

    // A body can be read once, so each attempt sends a copy.
    const response = await sendPatiently(() => fetch(request.clone()), {
      repeatable: repeatable(request),
      signal: request.signal,
    })

    return trusted(request, response)
  }
}

/** Repeats a request that carried a token and received 401, once, with a renewed token. */
function renewing(fetch: typeof globalThis.fetch, session: Session): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const sent = /^Bearer (.+)$/.exec(request.headers.get('Authorization') ?? '')?.[1]

    const response = await fetch(request.clone())
    // A proxy's 401 is not about the token.
    if (response.status !== 401 || sent === undefined || !(await refusalIn(response))) {
      return response
    }

    const renewed = await waitFor(session.replace(sent), request)
    if (renewed === undefined) {
      return response
    }

    await response.body?.cancel()
    authorize(request, renewed)

    return fetch(request)
  }
}

/** Waits until the request is aborted: the renewal continues for the other requests. Undefined means signed out. */
function waitFor(token: Promise<string>, { signal }: Request): Promise<string | undefined> {
  return until(signal, token).catch((failure: unknown): undefined => {
    if (!(failure instanceof SignedOutError)) {
      throw failure
    }
  })
}

function authorize({ headers }: Request, token: string | undefined): void {
  if (token === undefined) {
    // The server returns 401, in the same form as every other error.
    headers.delete('Authorization')
  } else {
    headers.set('Authorization', `Bearer ${token}`)
  }
}
