// A server with one account, that answers as the document says: enough of it to test the session.
import { createServer } from 'node:http'

const id = '68ca4a3d9f1c2b7e5a0d4c61'

/** Starts the fake; it stops with the test. */
export async function startFake(t, { expiresIn = 3600 } = {}) {
  const fake = {
    expiresIn,
    generation: 0,
    ended: false,
    /** Requests still to be answered 503. */
    outages: 0,
    /** Connections still to be cut without an answer. */
    cuts: 0,
    retryAfter: '0',
    calls: [],
    /** Refreshes get their responses only when the test says so. */
    gate: undefined,
    /** A sign-out gets its response only when the test says so. */
    logoutGate: undefined,
    /** What stands in for the server, by call: `{ status, headers, body, cut }`, or `silence` for no response at all. */
    replies: {},
  }

  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) {
      body += chunk
    }
    fake.calls.push(`${request.method} ${request.url}`)

    const reply = fake.replies[`${request.method} ${request.url}`]
    if (reply === 'silence') {
      return
    }
    if (reply !== undefined) {
      response.writeHead(reply.status ?? 200, reply.headers ?? { 'Content-Type': 'application/json' })
      response.write(reply.body ?? '')
      reply.cut ? request.socket.destroySoon() : response.end()
      return
    }
    if (fake.cuts > 0) {
      fake.cuts--
      request.socket.destroy()
      return
    }
    if (fake.outages > 0) {
      fake.outages--
      answer(response, 503, refusal('UNAVAILABLE'), { 'Retry-After': fake.retryAfter })
      return
    }

    switch (`${request.method} ${request.url}`) {
      case 'POST /api/auth/login': {
        const password = new URLSearchParams(body).get('password')
        return password === 'right'
          ? answer(response, 200, tokens())
          : answer(response, 401, refusal('INVALID_CREDENTIALS'))
      }
      case 'POST /api/auth/refresh':
        await fake.gate
        if (!fake.ended && JSON.parse(body).refresh_token === `refresh-${fake.generation}`) {
          fake.generation++
          return answer(response, 200, tokens())
        }
        // The token just spent, again: the same successor.
        if (!fake.ended && JSON.parse(body).refresh_token === `refresh-${fake.generation - 1}`) {
          return answer(response, 200, tokens())
        }
        return answer(response, 401, refusal('REFRESH_TOKEN_INVALID'))
      case 'GET /api/users/me':
      case 'POST /api/auth/logout':
        if (request.headers.authorization === undefined) {
          return answer(response, 401, refusal('UNAUTHENTICATED'))
        }
        if (fake.ended || request.headers.authorization !== `Bearer access-${fake.generation}`) {
          return answer(response, 401, refusal('TOKEN_INVALID'))
        }
        if (request.method === 'POST') {
          fake.ended = true
          await fake.logoutGate
          response.writeHead(204).end()
          return
        }
        return answer(response, 200, { success: true, user: { _id: id } })
      case 'POST /api/users/register/send-code':
        return answer(response, 200, { success: true, message: 'sent' })
      case 'POST /api/users/register':
        return answer(response, 201, { success: true, message: 'registered', user: { _id: id } })
    }
    answer(response, 404, refusal('NOT_FOUND'))
  })

  function tokens() {
    return {
      access_token: `access-${fake.generation}`,
      token_type: 'bearer',
      expires_in: fake.expiresIn,
      refresh_token: `refresh-${fake.generation}`,
    }
  }

  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })

  fake.url = `http://127.0.0.1:${server.address().port}`
  fake.count = (call) => fake.calls.filter((made) => made === call).length
  return fake
}

function refusal(code) {
  return { success: false, code, message: code, requestId: 'test' }
}

function answer(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
