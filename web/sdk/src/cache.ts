import type { StoredTokens, TokenStorage } from './storage.js'

/**
 * The tokens of a storage that may fail. A change that could not be stored is kept in memory until a later one is stored,
 * or until another tab changes the storage.
 */
export class TokenCache {
  /** What was last read from the storage or written to it. */
  #known: StoredTokens | undefined
  #unsaved: Unsaved | undefined

  constructor(
    private readonly storage: TokenStorage,
    private readonly onStorageError?: (failure: unknown) => void,
  ) {}

  /** Returns the tokens; throws if the storage cannot be read and none are known. */
  async load(): Promise<StoredTokens | undefined> {
    let stored: StoredTokens | undefined

    try {
      stored = await this.#read()
    } catch (failure) {
      this.onStorageError?.(failure)
      if (!this.#unsaved && !this.#known) {
        throw failure
      }

      return this.#unsaved ? this.#unsaved.tokens : this.#known
    }

    if (this.#unsaved) {
      this.#unsaved.instead ??= { of: stored?.refreshToken }
      if (this.#unsaved.instead.of === stored?.refreshToken) {
        return this.#unsaved.tokens
      }
      this.#unsaved = undefined
    }

    return (this.#known = stored)
  }

  /** Keeps the tokens, or forgets them. Never throws: returns the failure of the storage, if any. */
  async change(tokens: StoredTokens | undefined): Promise<{ failure: unknown } | undefined> {
    const unsaved: Unsaved = { tokens }
    this.#unsaved = unsaved

    try {
      await (tokens ? this.storage.save(tokens) : this.storage.clear())
    } catch (failure) {
      this.onStorageError?.(failure)
      // If this fails too, the next load finds out.
      await this.#read().then((stored) => (unsaved.instead = { of: stored?.refreshToken }), () => {})

      return { failure }
    }

    // A later change may be under way already.
    if (this.#unsaved === unsaved) {
      this.#unsaved = undefined
      this.#known = tokens
    }
  }

  /** Something without a refresh token is of no use, whatever wrote it. */
  async #read(): Promise<StoredTokens | undefined> {
    const stored = await this.storage.load()

    return stored?.refreshToken ? stored : undefined
  }
}

/** A change that is not stored, or not yet. */
interface Unsaved {
  tokens: StoredTokens | undefined
  /** The refresh token that is still in the storage; unset until the storage could be read. */
  instead?: { of: string | undefined }
}
