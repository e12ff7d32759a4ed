import { createClient, createConfig, type Client } from '../../../gen/typescript/client/index.js'
import { login, logout, type LoginRequest } from '../../../gen/typescript/index.js'
import { sendPatiently } from './patience.js'
import { Session, SignedOutError } from './session.js'
import type { TokenStorage } from './storage.js'

export interface GatewayOptions {
  /** Where the server is, such as `https://gateway.example`. */
  baseUrl: string
  storage: TokenStorage
  /** Called when the server has ended the session, after the storage was cleared: show the sign-in page. */
  onSignedOut?: () => void
  /** The fetch to send with; the global one by default. */
  fetch?: (request: Request) => Promise<Response>
}

export interface Gateway {
  /** Pass it to every operation: `getMe({ client: gateway.client })`. */
  client: Client
  /** Signs in and keeps the tokens. Returns the operation's result, `error` included. */
  signIn(credentials: LoginRequest): ReturnType<typeof login<false>>
  /** Ends the session on the server if it can be reached, and on this device in any case. */
  signOut(): Promise<void>
  /** Reports whether tokens are kept; only a call shows whether the server still accepts them. */
  isSignedIn(): Promise<boolean>
  /** An access token for requests that do not go through `client`, such as those to other back ends. */
  accessToken(): Promise<string>
}

/** Creates a client that authenticates its requests, renews its tokens, and survives short outages. */
export function createGateway(options: GatewayOptions): Gateway {
  const fetch = options.fetch ?? ((request: Request) => globalThis.fetch(request))
  const baseUrl = options.baseUrl.replace(/\/+$/, '')

  const plain = createClient(
    createConfig({
      baseUrl,
      // The server returns the same tokens for a repeated refresh, so a lost response does no harm.
      fetch: send(fetch, (request) => new URL(request.url).pathname.endsWith('/api/auth/refresh')),
    }),
  )
  const session = new Session(plain, options.storage, options.onSignedOut ?? (() => {}))
  const client = createClient(
    createConfig({
      baseUrl,
      // Without a token the server returns 401, in the same form as every other error.
      auth: () => session.accessToken().catch(unlessSignedOut),
      fetch: renewing(send(fetch, isSafe), session),
    }),
  )

  return {
    client,
    signIn: async (credentials) => {
      const answer = await login({ client: plain, body: credentials })
      if (answer.data !== undefined) {
        await session.open(answer.data)
      }
      return answer
    },
    signOut: async () => {
      try {
        if (await session.isOpen()) {
          await logout({ client })
        }
      } finally {
        await session.forget()
      }
    },
    isSignedIn: () => session.isOpen(),
    accessToken: () => session.accessToken(),
  }
}

type Fetch = (request: Request) => Promise<Response>

/** Safe methods may be sent again, whatever became of the first attempt (RFC 9110, section 9.2.1). */
function isSafe(request: Request): boolean {
  return request.method === 'GET' || request.method === 'HEAD'
}

function send(fetch: Fetch, repeatable: (request: Request) => boolean): typeof globalThis.fetch {
  return (input, init) => {
    const request = new Request(input, init)

    // A body can be read once, so each attempt sends a copy.
    return sendPatiently(() => fetch(request.clone()), {
      repeatable: repeatable(request),
      signal: request.signal,
    })
  }
}

/** Repeats a request that carried a token and received 401, once, with a renewed token. */
function renewing(fetch: typeof globalThis.fetch, session: Session): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const sent = /^Bearer (.+)$/.exec(request.headers.get('Authorization') ?? '')?.[1]

    const answer = await fetch(request.clone())
    if (answer.status !== 401 || sent === undefined) {
      return answer
    }

    const renewed = await session.replace(sent).catch(unlessSignedOut)
    if (renewed === undefined) {
      return answer
    }

    await answer.body?.cancel()
    request.headers.set('Authorization', `Bearer ${renewed}`)

    return fetch(request)
  }
}

function unlessSignedOut(failure: unknown): undefined {
  if (!(failure instanceof SignedOutError)) {
    throw failure
  }
}
