import type { ErrorBody as Refusal, Tokens } from '../../../gen/typescript/index.js'

/**
 * A response that is not the gateway's: of a captive portal, a proxy, another server. It says nothing about the session.
 */
export class UnexpectedResponseError extends Error {
  override name = 'UnexpectedResponseError'

  constructor(
    readonly response: Response,
    cause?: unknown,
  ) {
    super(`unexpected response: ${response.status} ${response.headers.get('Content-Type') ?? '(no type)'}`, { cause })
  }
}

/** What an operation returns. */
interface Result {
  error?: unknown
  response?: Response | undefined
}

/**
 * Returns the response, and throws if it reports a success that the gateway did not: one that is not JSON, or a
 * registration that created nothing.
 */
export async function trusted(request: Request, response: Response): Promise<Response> {
  const { ok, status } = response
  const registers = new URL(request.url).pathname.endsWith('/api/users/register')

  if (!ok || (isJSON(response) && (status === 201 || !registers)) || (status === 204 && !registers)) {
    return response
  }

  await response.body?.cancel()
  throw new UnexpectedResponseError(response)
}

/** Reports whether the data of a success, which may be any JSON or nothing, is tokens. */
export function isTokens(data: unknown): data is Tokens {
  const tokens = data as Partial<Tokens> | null | undefined

  return (
    isText(tokens?.access_token) &&
    isText(tokens?.refresh_token) &&
    Number.isFinite(tokens?.expires_in) &&
    tokens!.expires_in! > 0
  )
}

/** Returns the gateway's own error of a result, if it is one. */
export function refusalOf({ error, response }: Result): Refusal | undefined {
  const refusal = error as Partial<Refusal> | null | undefined

  if (response && isJSON(response) && refusal?.success === false && isText(refusal.code)) {
    return refusal as Refusal
  }
}

/** Returns the gateway's own error in a response, which stays unread. */
export async function refusalIn(response: Response): Promise<Refusal | undefined> {
  return !response.ok && isJSON(response)
    ? refusalOf({ error: await response.clone().json().catch(() => undefined), response })
    : undefined
}

/** Returns why a result is not the expected one: the gateway's own error, or that there was no such response. */
export function failureOf(result: Result): unknown {
  return refusalOf(result) || !result.response ? result.error : new UnexpectedResponseError(result.response, result.error)
}

function isJSON(response: Response): boolean {
  return /^application\/json\s*(;|$)/i.test(response.headers.get('Content-Type') ?? '')
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
