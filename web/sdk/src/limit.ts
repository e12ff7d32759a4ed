/** There was no response in time. */
export class TimeoutError extends Error {
  override name = 'TimeoutError'

  constructor(milliseconds: number) {
    super(`no response within ${milliseconds / 1000} s`)
  }
}

/**
 * How long a renewal may take, in milliseconds. During an outage the server itself waits for up to 40 seconds before it
 * responds, so a limit has to be longer than that.
 */
export const defaultLimit = 60_000

/** Longer timers end at once. */
const longestTimer = 2 ** 31 - 1

/** Waits for the promise until the signal aborts. What the promise stands for continues. */
export function until<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) {
      stop()
    }

    signal.addEventListener('abort', stop)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** Aborts the work at the limit, and rejects then, even if the work ignores its signal. */
export function within<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(new TimeoutError(milliseconds)), Math.min(milliseconds, longestTimer))

  return until(abort.signal, work(abort.signal)).finally(() => clearTimeout(timer))
}
