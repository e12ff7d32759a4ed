import { refresh, type Tokens } from '../../../gen/typescript/index.js'
import type { Client } from '../../../gen/typescript/client/index.js'
import type { TokenCache } from './cache.js'
import { defaultLimit, within } from './limit.js'
import { failureOf, isTokens, refusalOf } from './response.js'
import type { StoredTokens } from './storage.js'

/** Access tokens are renewed this long before they expire. */
const early = 5 * 60_000

/** A token with less time left could expire on its way. */
const travel = 10_000

/** No one is signed in, or the server has ended the session. */
export class SignedOutError extends Error {
  override name = 'SignedOutError'

  constructor() {
    super('not signed in')
  }
}

/**
 * The tokens of one account, renewed before they expire. Only the server's REFRESH_TOKEN_INVALID ends a session: not an
 * outage, not what a proxy or a captive portal says, not a storage that fails.
 */
export class Session {
  #renewal: { of: string; tokens: Promise<StoredTokens> } | undefined
  #closing = false

  constructor(
    /** Sends without a token of its own. */
    private readonly plain: Client,
    private readonly cache: TokenCache,
    /** The milliseconds that a renewal may take, its repetitions included. */
    private readonly limit = defaultLimit,
    private readonly onSignedOut?: () => void,
  ) {}

  /** Begins with the tokens of a sign-in. */
  async open(tokens: Tokens): Promise<void> {
    await this.cache.change(toStored(tokens))
  }

  /** Ends the session with the given request if that succeeds in time, and forgets the tokens in any case. */
  async close(logout: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    this.#closing = true

    try {
      if (await this.isOpen().catch(() => true)) {
        await within(this.limit, logout).catch(() => {})
      }
    } finally {
      this.#closing = false
    }

    const kept = await this.cache.change(undefined)
    if (kept) {
      throw kept.failure
    }
  }

  /** Reports whether there are tokens; the server may have ended their session meanwhile. */
  async isOpen(): Promise<boolean> {
    return (await this.cache.load()) !== undefined
  }

  /** Returns a valid access token. It is renewed before it expires, and no one waits for that while it is valid. */
  async accessToken(): Promise<string> {
    const held = await this.#held()
    if (isValid(held, held.renewAt)) {
      return held.accessToken
    }

    const renewal = this.#renew(held)
    if (isValid(held, held.expiresAt - travel)) {
      renewal.catch(() => {}) // the next call tries again
      return held.accessToken
    }

    return (await renewal).accessToken
  }

  /** Returns an access token other than the one that the server has just refused. */
  async replace(refused: string): Promise<string> {
    const held = await this.#held()
    // Another request, or another tab, has renewed already.
    if (held.accessToken !== refused) {
      return held.accessToken
    }

    return (await this.#renew(held)).accessToken
  }

  async #held(): Promise<StoredTokens> {
    const held = await this.cache.load()
    if (held === undefined) {
      throw new SignedOutError()
    }

    return held
  }

  /** Renews once for any number of concurrent calls. */
  #renew(held: StoredTokens): Promise<StoredTokens> {
    // A renewal of earlier tokens is of no use to those of a new sign-in.
    if (this.#renewal?.of !== held.refreshToken) {
      const renewal = {
        of: held.refreshToken,
        tokens: within(this.limit, (signal) => this.#refresh(held, signal)).finally(() => {
          if (this.#renewal === renewal) {
            this.#renewal = undefined
          }
        }),
      }
      this.#renewal = renewal
    }

    return this.#renewal.tokens
  }

  async #refresh(held: StoredTokens, signal: AbortSignal): Promise<StoredTokens> {
    const result = await refresh({ client: this.plain, body: { refresh_token: held.refreshToken }, signal })
    if (signal.aborted) {
      throw signal.reason
    }

    // Load again: during the request another tab may have renewed, or the user may have signed out, or in
    // as another user. Then that state wins, and this response is dropped.
    const now = await this.#held()
    if (now.refreshToken !== held.refreshToken) {
      return now
    }

    if (isTokens(result.data)) {
      const renewed = toStored(result.data)
      await this.cache.change(renewed)
      return renewed
    }
    if (result.response?.status === 401 && refusalOf(result)?.code === 'REFRESH_TOKEN_INVALID') {
      await this.cache.change(undefined)
      if (!this.#closing) {
        this.onSignedOut?.()
      }
      throw new SignedOutError()
    }

    throw failureOf(result)
  }
}

/** Reports whether the access token may be used: there is one, and the given moment has not come. */
function isValid(held: StoredTokens, end: number): boolean {
  return Boolean(held.accessToken) && Date.now() < end
}

function toStored(tokens: Tokens): StoredTokens {
  const now = Date.now()
  const life = tokens.expires_in * 1000

  return {
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    // The server may be configured with a life shorter than ten minutes: then renew at half of it.
    renewAt: now + Math.max(life - early, life / 2),
    expiresAt: now + life,
  }
}
