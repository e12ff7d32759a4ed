/** Attempts for one request, the first included. */
const attempts = 4

/** A server that asks for more than this is waited for by the person, not by the program. */
const longestWait = 30_000

/**
 * Sends until there is an answer other than 503, waiting as long as `Retry-After` asks. A request that
 * got no answer at all is repeated only where `repeatable` says that doing it twice is harmless.
 */
export async function sendPatiently(
  send: () => Promise<Response>,
  { repeatable, signal }: { repeatable: boolean; signal?: AbortSignal },
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const last = attempt === attempts
    let wait: number

    try {
      const answer = await send()
      if (answer.status !== 503 || last) {
        return answer
      }

      wait = retryAfter(answer) ?? backOff(attempt)
      if (wait > longestWait) {
        return answer
      }
      // Nobody reads this answer, and an unread one holds its connection.
      await answer.body?.cancel()
    } catch (failure) {
      if (last || !repeatable || signal?.aborted) {
        throw failure
      }
      wait = backOff(attempt)
    }

    await pause(wait, signal)
  }
}

/** Milliseconds that the server asks to wait (RFC 9110, section 10.2.3; our server answers seconds). */
function retryAfter(answer: Response): number | undefined {
  const value = answer.headers.get('Retry-After')

  return value !== null && /^\d+$/.test(value) ? Number(value) * 1000 : undefined
}

/** Doubles, and spreads: a thousand clients that lost one server must not come back at one moment. */
function backOff(attempt: number): number {
  return 500 * 2 ** attempt * (0.5 + Math.random() / 2)
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }

    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
