import { createClient, createConfig, type Client } from '../../../gen/typescript/client/index.js'
import { createRefreshCode, load, renewSession } from '../../../gen/typescript/index.js'
import { sendPatiently } from './patience.js'

export interface ConsoleOptions {
  /** Where the server is; by default where the page is. */
  baseUrl?: string
  /** Called when the server responds that no one is signed in: show the sign-in page. */
  onSignedOut?: () => void
  /** The fetch to send with; the global one by default. */
  fetch?: (request: Request) => Promise<Response>
  /**
   * Reads the cookie `XSRF-TOKEN`; by default from the document. A console on another host can read it only
   * if the server sets it for both (XSRF_COOKIE_DOMAIN).
   */
  xsrfToken?: () => string | undefined
}

export interface ConsoleClient {
  /** Pass it to every operation of the public surface: `getUser({ client: console.client })`. */
  client: Client
  /** Renews the session now, and reports whether the user is still signed in. An outage throws. */
  renew(): Promise<boolean>
  /**
   * Renews now, and every 3,200 s, until the returned function is called or the session has ended.
   * After an outage it tries again in a minute. Any number of tabs may do so at once.
   */
  keepSignedIn(): () => void
}

const renewEvery = 3_200_000
const retryAfter = 60_000

/** Read-only: these may be sent again, whatever became of the first attempt. */
const readings = ['/', '/verify', '/user', '/user/sessions', '/options']

/** Creates a client for a web page: the browser sends the session, and the client the XSRF header. */
export function createConsole(options: ConsoleOptions = {}): ConsoleClient {
  const fetch = options.fetch ?? ((request: Request) => globalThis.fetch(request))
  const xsrfToken = options.xsrfToken ?? (() => cookieOf('XSRF-TOKEN'))
  const onSignedOut = options.onSignedOut ?? (() => {})
  const baseUrl = (options.baseUrl ?? globalThis.location?.origin ?? '').replace(/\/+$/, '')

  // A path prefix of the server is not part of the document's paths.
  const prefix = new URL(baseUrl || 'http://localhost').pathname.replace(/\/$/, '')

  const send = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname.slice(prefix.length)
    const repeatable = request.method === 'GET' && readings.includes(path)

    return sendPatiently(() => fetch(request.clone()), { repeatable, signal: request.signal })
  }

  const plain = createClient(
    createConfig({ baseUrl, credentials: 'include', fetch: (input, init) => send(new Request(input, init)) }),
  )

  /** The value of the cookie; if there is none, the server is asked for one. */
  const token = async (): Promise<string | undefined> => {
    if (xsrfToken() === undefined) {
      await load({ client: plain })
    }

    return xsrfToken()
  }

  const client = createClient(
    createConfig({
      baseUrl,
      credentials: 'include',
      // The document says which operations require the header. The browser sends the session's cookie.
      auth: (scheme) => (scheme.name === 'X-XSRF-TOKEN' ? token() : undefined),
      fetch: async (input, init) => {
        const request = new Request(input, init)
        let answer = await send(request)

        if (await isStale(answer)) {
          // The refusal has set a fresh cookie.
          await answer.body?.cancel()
          request.headers.set('X-XSRF-TOKEN', xsrfToken() ?? '')
          answer = await send(request)
        }

        if (answer.status === 401) {
          onSignedOut()
        }

        return answer
      },
    }),
  )

  const renew = async (): Promise<boolean> => {
    for (const last of [false, true]) {
      const made = await createRefreshCode({ client })
      if (made.response?.status === 401) {
        return false
      }
      if (made.data === undefined) {
        throw made.error
      }

      const renewed = await renewSession({ client, body: { code: made.data.code } })
      if (renewed.response?.status === 401) {
        return false
      }
      // A code is valid for 15 seconds: on a slow connection it may expire, so try once more with a new one.
      if (renewed.response?.status === 204) {
        return true
      }
      if (last || renewed.response?.status !== 400) {
        throw renewed.error
      }
    }

    return false
  }

  return { client, renew, keepSignedIn: () => keep(renew) }
}

function keep(renew: () => Promise<boolean>): () => void {
  let stopped = false
  let timer: ReturnType<typeof setTimeout> | undefined

  const again = async () => {
    let wait = renewEvery

    try {
      if (!(await renew())) {
        return
      }
    } catch {
      wait = retryAfter // the session lives for two hours, so there is time
    }

    if (!stopped) {
      timer = setTimeout(again, wait)
    }
  }
  void again()

  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

/** Reports whether the XSRF value was missing, or belonged to another session. */
async function isStale(answer: Response): Promise<boolean> {
  if (answer.status !== 403) {
    return false
  }

  const body: { code?: string } | undefined = await answer.clone().json().catch(() => undefined)

  return body?.code === 'XSRF_INVALID'
}

function cookieOf(name: string): string | undefined {
  const found = globalThis.document?.cookie.split('; ').find((one) => one.startsWith(`${name}=`))

  return found?.slice(name.length + 1)
}
