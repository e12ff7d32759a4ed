import { refresh, type Tokens } from '../../../gen/typescript/index.js'
import type { Client } from '../../../gen/typescript/client/index.js'
import type { StoredTokens, TokenStorage } from './storage.js'

/** Access tokens are renewed this long before they expire. */
const early = 5 * 60_000

/** No one is signed in, or the server has ended the session. */
export class SignedOutError extends Error {
  override name = 'SignedOutError'

  constructor() {
    super('not signed in')
  }
}

/**
 * The tokens of one account: kept in the storage, renewed before they expire. Only the server's own 401
 * to a refresh ends a session; an outage never does.
 */
export class Session {
  #renewal: Promise<StoredTokens> | undefined

  constructor(
    /** Sends without a token of its own. */
    private readonly plain: Client,
    private readonly storage: TokenStorage,
    private readonly onSignedOut: () => void,
  ) {}

  /** Begins with the tokens of a sign-in. */
  async open(tokens: Tokens): Promise<void> {
    await this.storage.save(toStored(tokens))
  }

  /** Forgets the tokens, without notifying the server. */
  async forget(): Promise<void> {
    await this.storage.clear()
  }

  /** Reports whether there are tokens; the server may have ended their session meanwhile. */
  async isOpen(): Promise<boolean> {
    return (await this.storage.load()) !== undefined
  }

  /** Returns a valid access token, renewed if it is about to expire. */
  async accessToken(): Promise<string> {
    const held = await this.storage.load()
    if (held === undefined) {
      throw new SignedOutError()
    }
    if (Date.now() < held.renewAt) {
      return held.accessToken
    }

    try {
      return (await this.#renew(held)).accessToken
    } catch (failure) {
      // Renewing early leaves time to fail: the old token is valid until it expires.
      if (!(failure instanceof SignedOutError) && Date.now() < held.expiresAt) {
        return held.accessToken
      }
      throw failure
    }
  }

  /** Returns an access token other than the one that the server has just refused. */
  async replace(refused: string): Promise<string> {
    const held = await this.storage.load()
    if (held === undefined) {
      throw new SignedOutError()
    }
    // Another request, or another tab, has renewed already.
    if (held.accessToken !== refused) {
      return held.accessToken
    }

    return (await this.#renew(held)).accessToken
  }

  /** Renews once for any number of concurrent calls. */
  #renew(held: StoredTokens): Promise<StoredTokens> {
    this.#renewal ??= this.#refresh(held).finally(() => {
      this.#renewal = undefined
    })

    return this.#renewal
  }

  async #refresh(held: StoredTokens): Promise<StoredTokens> {
    const { data, error, response } = await refresh({
      client: this.plain,
      body: { refresh_token: held.refreshToken },
    })

    // Load again: during the request another tab may have renewed, or the user may have signed out, or in
    // as another user. Then that state wins, and this response is dropped.
    const now = await this.storage.load()
    if (now?.refreshToken !== held.refreshToken) {
      if (now === undefined) {
        throw new SignedOutError()
      }
      return now
    }

    if (data !== undefined) {
      const renewed = toStored(data)
      await this.storage.save(renewed)
      return renewed
    }
    if (response?.status === 401) {
      await this.storage.clear()
      this.onSignedOut()
      throw new SignedOutError()
    }

    throw error
  }
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
