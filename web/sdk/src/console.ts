import { createClient, createConfig, type Client } from '../../../gen/typescript/client/index.js'
import { createRefreshCode, load, renewSession } from '../../../gen/typescript/index.js'
import { defaultLimit, within } from './limit.js'
import { sendPatiently } from './patience.js'
import { failureOf, refusalIn, refusalOf, trusted } from './response.js'

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
  /** The milliseconds that a renewal may take, its repetitions included; 60,000 by default. */
  refreshTimeout?: number
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

/** Stands for the XSRF token until there is a request: only that has the signal of its caller. */
const placeholder = 'token'

/** How many values of the XSRF cookie are tried. */
const mostCookies = 4

/** Read-only: these may be sent again, whatever became of the first attempt. */
const readings = ['/', '/verify', '/user', '/user/sessions', '/options']

/** Pages for people, and a picture. */
const notJSON = ['/confirm_email', '/first_run', '/reset', '/sign-up', '/user/totp/qr']

/** Creates a client for a web page: the browser sends the session, and the client the XSRF header. */
export function createConsole(options: ConsoleOptions = {}): ConsoleClient {
  const fetch = options.fetch ?? ((request: Request) => globalThis.fetch(request))
  // Another program on a parent domain may have set a cookie of the same name: which of them is ours, only the server knows.
  const xsrfTokens = () => (options.xsrfToken ? [options.xsrfToken()] : cookiesOf('XSRF-TOKEN'))
  const onSignedOut = options.onSignedOut ?? (() => {})
  const baseUrl = (options.baseUrl ?? globalThis.location?.origin ?? '').replace(/\/+$/, '')

  // A path prefix of the server is not part of the document's paths.
  const prefix = new URL(baseUrl || 'http://localhost').pathname.replace(/\/$/, '')

  const send = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname.slice(prefix.length)
    const repeatable = request.method === 'GET' && readings.includes(path)

    const response = await sendPatiently(() => fetch(request.clone()), { repeatable, signal: request.signal })

    return notJSON.includes(path) ? response : trusted(request, response)
  }

  const plain = createClient(
    createConfig({ baseUrl, credentials: 'include', fetch: (input, init) => send(new Request(input, init)) }),
  )

  const setToken = ({ headers }: Request, token: string | undefined) => {
    if (token === undefined) {
      headers.delete('X-XSRF-TOKEN')
    } else {
      headers.set('X-XSRF-TOKEN', token)
    }
  }

  const client = createClient(
    createConfig({
      baseUrl,
      credentials: 'include',
      // The document says which operations require the header. The browser sends the session's cookie.
      auth: ({ name }) => (name === 'X-XSRF-TOKEN' ? placeholder : undefined),
      fetch: async (input, init) => {
        const request = new Request(input, init)
        let response = await send(request)
        let refusal = await refusalIn(response)

        // A refusal has set a fresh cookie.
        const tried = [request.headers.get('X-XSRF-TOKEN')]
        while (refusal?.code === 'XSRF_INVALID' && tried.length <= mostCookies) {
          const token = xsrfTokens().find((one) => one !== undefined && !tried.includes(one))
          if (token === undefined) {
            break
          }

          tried.push(token)
          await response.body?.cancel()
          setToken(request, token)
          response = await send(request)
          refusal = await refusalIn(response)
        }

        // A proxy's 401 is not about the session.
        if (response.status === 401 && refusal) {
          onSignedOut()
        }

        return response
      },
    }),
  )
  client.interceptors.request.use(async (request) => {
    if (request.headers.get('X-XSRF-TOKEN') === placeholder) {
      if (xsrfTokens()[0] === undefined) {
        // The response sets the cookie.
        await load({ client: plain, signal: request.signal })
      }
      setToken(request, xsrfTokens()[0])
    }

    return request
  })

  const renew = () => within(options.refreshTimeout ?? defaultLimit, (signal) => renewWith(client, signal))

  return { client, renew, keepSignedIn: () => keep(renew) }
}

/** Renews the session with a code, and reports whether the user is still signed in. */
async function renewWith(client: Client, signal: AbortSignal): Promise<boolean> {
  for (const last of [false, true]) {
    const made = await createRefreshCode({ client, signal })
    if (isSignedOut(made)) {
      return false
    }
    if (!made.data?.code) {
      throw failureOf(made)
    }

    const renewed = await renewSession({ client, body: { code: made.data.code }, signal })
    if (isSignedOut(renewed)) {
      return false
    }
    if (renewed.response?.status === 204) {
      return true
    }
    // A code is valid for 15 seconds: on a slow connection it may expire, so try once more with a new one.
    if (last || renewed.response?.status !== 400) {
      throw failureOf(renewed)
    }
  }

  return false
}

/** Reports whether the server itself says that no one is signed in. */
function isSignedOut(result: { error?: unknown; response?: Response | undefined }): boolean {
  return result.response?.status === 401 && refusalOf(result) !== undefined
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

function cookiesOf(name: string): string[] {
  const all = globalThis.document?.cookie.split('; ') ?? []

  return all.filter((one) => one.startsWith(`${name}=`)).map((one) => one.slice(name.length + 1))
}
