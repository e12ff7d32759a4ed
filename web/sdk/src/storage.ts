/** What a signed-in app keeps. It gives access to the account: treat it like a password. */
export interface StoredTokens {
  accessToken: string
  refreshToken: string
  /** When to renew, in milliseconds since 1970 by this machine's clock. */
  renewAt: number
  /** When the access token expires, in the same unit. */
  expiresAt: number
}

/**
 * Where the tokens live: a keychain, a secure store, a file that only its owner reads. Several tabs or
 * processes may share one; the session loads it again before it concludes that it is signed out. An operation that throws
 * ends no session: the session continues with what it has in memory.
 */
export interface TokenStorage {
  load(): Promise<StoredTokens | undefined> | StoredTokens | undefined
  save(tokens: StoredTokens): Promise<void> | void
  clear(): Promise<void> | void
}

/** Keeps the tokens until the program ends. */
export function memoryStorage(): TokenStorage {
  let kept: StoredTokens | undefined

  return {
    load: () => kept,
    save: (tokens) => {
      kept = tokens
    },
    clear: () => {
      kept = undefined
    },
  }
}
