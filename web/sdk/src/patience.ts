import { until } from './limit.js'

/** The number of attempts for one request, the first included. */
const attempts = 4

/** If the server asks for a longer wait, the user decides when to try again. */
const longestWait = 30_000

/**
 * Sends until there is a response other than 503, waiting as long as `Retry-After` asks. A request without
 * any response is repeated only if `repeatable` says that sending it twice is harmless.
 */
export async function sendPatiently(
  send: () => Promise<Response>,
  { repeatable, signal }: { repeatable: boolean; signal: AbortSignal },
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
      // No one reads this response, and an unread one holds its connection.
      await answer.body?.cancel()
    } catch (failure) {
      if (last || !repeatable || signal.aborted) {
        throw failure
      }
      wait = backOff(attempt)
    }

    await pause(wait, signal)
  }
}

/** The milliseconds that the server asks to wait (RFC 9110, section 10.2.3; our server sends seconds). */
function retryAfter(answer: Response): number | undefined {
  const value = answer.headers.get('Retry-After')

  return value !== null && /^\d+$/.test(value) ? Number(value) * 1000 : undefined
}

/** Doubles, with jitter: a thousand clients that lost one server must not return at the same moment. */
function backOff(attempt: number): number {
  return 500 * 2 ** attempt * (0.5 + Math.random() / 2)
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout>
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds)
  })

  return until(signal, over).finally(() => clearTimeout(timer))
}
