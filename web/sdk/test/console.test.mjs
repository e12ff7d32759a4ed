import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'

import { changeUser, createConsole, getUser, register, showReset, signIn, signOut, TimeoutError, UnexpectedResponseError, verify } from '../dist/web/sdk/src/index.js'
import { cookieJar } from './jar.mjs'
import { turn, until } from './setup.mjs'

/** A server that wants the XSRF header, and a console in front of it. */
async function setup(t, { signedIn = true, ownCookies = false } = {}) {
  const env = { calls: [], answered: [], xsrf: 'first', signedIn, signedOut: 0, codes: new Set(), outages: 0, cuts: 0, late: 0, replies: {} }

  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) {
      body += chunk
    }
    const call = `${request.method} ${request.url}`
    env.calls.push(call)

    const reply = env.replies[call]
    if (reply === 'silence') {
      return
    }
    if (reply !== undefined) {
      response.writeHead(reply.status, reply.headers)
      response.end(reply.body)
      return
    }
    if (env.cuts > 0) {
      env.cuts--
      return request.socket.destroy()
    }
    if (env.outages > 0) {
      env.outages--
      return answer(503, { code: 'UNAVAILABLE' }, { 'Retry-After': '0' })
    }

    const fresh = { 'Set-Cookie': `XSRF-TOKEN=${env.xsrf}; Path=/; Secure` }
    if (request.method !== 'GET' && request.headers['x-xsrf-token'] !== env.xsrf) {
      return answer(403, { code: 'XSRF_INVALID' }, fresh)
    }
    if (!env.signedIn && !['GET /', 'POST /logout'].includes(call)) {
      return answer(401, { code: 'UNAUTHENTICATED' }, fresh)
    }

    switch (call) {
      case 'GET /':
        return answer(200, { name: 'fake', ip: '127.0.0.1', now: '2025-01-01T00:00:00.000Z' }, fresh)
      case 'GET /refresh_code': {
        const code = `code-${env.calls.length}`
        env.codes.add(code)
        return answer(200, { code })
      }
      case 'POST /refresh_token':
        if (env.late > 0) {
          env.late--
          return answer(400, { code: 'CODE_INVALID' })
        }
        return env.codes.delete(JSON.parse(body).code) ? answer(204) : answer(400, { code: 'CODE_INVALID' })
      default:
        return answer(204)
    }

    function answer(status, content, headers = {}) {
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
      response.end(content && JSON.stringify({ success: status < 400, message: '', requestId: '', ...content }))
    }
  })
  await new Promise((listens) => server.listen(0, '127.0.0.1', listens))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })

  const jar = cookieJar()
  env.jar = jar
  env.console = createConsole({
    baseUrl: `http://127.0.0.1:${server.address().port}/`,
    onSignedOut: () => env.signedOut++,
    fetch: async (request) => {
      const answer = await jar.fetch(request)
      env.answered.push(`${request.method} ${new URL(request.url).pathname}`)
      return answer
    },
    ...(ownCookies ? {} : { xsrfToken: () => jar.get('XSRF-TOKEN') }),
  })

  return env
}

const rename = { key: 'Name', name: 'New' }

test('a change asks for the XSRF cookie first, once', async (t) => {
  const env = await setup(t)

  for (const _ of [1, 2]) {
    const { response } = await changeUser({ client: env.console.client, body: rename })
    assert.equal(response.status, 204)
  }

  assert.deepEqual(env.calls, ['GET /', 'PATCH /user', 'PATCH /user'])
})

test('a stale XSRF value is replaced, and the change repeated once', async (t) => {
  const env = await setup(t)
  env.jar.set('XSRF-TOKEN', 'stale')

  const { response } = await changeUser({ client: env.console.client, body: rename })

  assert.equal(response.status, 204)
  assert.deepEqual(env.calls, ['PATCH /user', 'PATCH /user'])
})

// IN-K13
test('each XSRF cookie is tried, because another program may have set one of the same name', async (t) => {
  const env = await setup(t, { ownCookies: true })
  const others = ['XSRF-TOKEN=foreign', 'XSRF-TOKEN=older', 'NOT-XSRF-TOKEN=x']
  globalThis.document = {
    get cookie() {
      const own = env.jar.get('XSRF-TOKEN')

      return [...others, ...(own ? [`XSRF-TOKEN=${own}`] : [])].join('; ')
    },
  }
  t.after(() => delete globalThis.document)

  for (const calls of [3, 3]) {
    env.calls.length = 0
    const { response } = await changeUser({ client: env.console.client, body: rename })

    assert.equal(response.status, 204)
    assert.equal(env.calls.length, calls)
  }

  // Never for ever: too many are a failure.
  others.push(...Array.from({ length: 20 }, (_, i) => `XSRF-TOKEN=foreign-${i}`))
  env.calls.length = 0
  const { response } = await changeUser({ client: env.console.client, body: rename })

  assert.equal(response.status, 403)
  assert.equal(env.calls.length, 5)
})

test('reading carries no XSRF header and needs none', async (t) => {
  const env = await setup(t)

  const { response } = await verify({ client: env.console.client })

  assert.equal(response.status, 204)
  assert.deepEqual(env.calls, ['GET /verify'])
})

test('401 is reported, once for each response', async (t) => {
  const env = await setup(t, { signedIn: false })

  const { error } = await getUser({ client: env.console.client })

  assert.equal(error.code, 'UNAUTHENTICATED')
  assert.equal(env.signedOut, 1)
})

test('signing out without a session is not a failure', async (t) => {
  const env = await setup(t, { signedIn: false })

  const { response } = await signOut({ client: env.console.client })

  assert.equal(response.status, 204)
  assert.equal(env.signedOut, 0)
})

test('the session is renewed with a code of its own', async (t) => {
  const env = await setup(t)

  assert.equal(await env.console.renew(), true)
  assert.deepEqual(env.calls, ['GET /refresh_code', 'GET /', 'POST /refresh_token'])
})

test('a code that came too late is followed by another', async (t) => {
  const env = await setup(t)
  env.late = 1

  assert.equal(await env.console.renew(), true)
  assert.equal(env.calls.filter((call) => call === 'GET /refresh_code').length, 2)
})

test('a code that never does is a failure, not a sign-out', async (t) => {
  const env = await setup(t)
  env.late = 5

  await assert.rejects(env.console.renew(), { code: 'CODE_INVALID' })
  assert.equal(env.signedOut, 0)
})

test('renewing reports that no one is signed in any more', async (t) => {
  const env = await setup(t, { signedIn: false })

  assert.equal(await env.console.renew(), false)
  assert.equal(env.signedOut, 1)
})

test('an outage is waited out', async (t) => {
  const env = await setup(t)
  env.outages = 2

  const { response } = await verify({ client: env.console.client })

  assert.equal(response.status, 204)
  assert.equal(env.calls.length, 3)
})

test('a lost answer to a change is not sent again', async (t) => {
  const env = await setup(t)
  env.jar.set('XSRF-TOKEN', env.xsrf)
  env.cuts = 1

  const { error, response } = await changeUser({ client: env.console.client, body: rename })

  assert.notEqual(error, undefined)
  assert.equal(response, undefined)
  assert.deepEqual(env.calls, ['PATCH /user'])
})

test('a lost answer to a reading is asked for again', async (t) => {
  const env = await setup(t)
  env.cuts = 1

  const { response } = await verify({ client: env.console.client })

  assert.equal(response.status, 204)
  assert.deepEqual(env.calls, ['GET /verify', 'GET /verify'])
})

test('kept signed in, the session is renewed at once and until it is stopped', async (t) => {
  const env = await setup(t)
  t.mock.timers.enable({ apis: ['setTimeout'] })

  const renewals = () => env.answered.filter((call) => call === 'POST /refresh_token').length
  const stop = env.console.keepSignedIn()
  await until(() => renewals() === 1)

  await turn()
  t.mock.timers.tick(3_199_999)
  assert.equal(renewals(), 1)
  t.mock.timers.tick(1)
  await until(() => renewals() === 2)

  await turn()
  stop()
  t.mock.timers.tick(10_000_000)
  await turn()
  assert.equal(renewals(), 2)
})

test('kept signed in, an ended session is not asked about again', async (t) => {
  const env = await setup(t, { signedIn: false })
  t.mock.timers.enable({ apis: ['setTimeout'] })

  env.console.keepSignedIn()
  await until(() => env.signedOut === 1)
  await turn()
  t.mock.timers.tick(10_000_000)
  await turn()

  assert.equal(env.calls.filter((call) => call === 'GET /refresh_code').length, 1)
})

const page = { status: 200, headers: { 'Content-Type': 'text/html' }, body: '<title>Welcome to the hotel</title>' }
const proxy = { ...page, status: 401, headers: { ...page.headers, 'WWW-Authenticate': 'Basic' } }

// SDK-S2
test("a proxy's 401 is not a sign-out", async (t) => {
  const env = await setup(t)

  for (const reply of [proxy, { status: 401, headers: { 'Content-Type': 'application/json' }, body: '{"code": 401}' }]) {
    env.replies['GET /user'] = reply
    const { data, response } = await getUser({ client: env.console.client })

    assert.equal(data, undefined)
    assert.equal(response.status, 401)
  }

  assert.equal(env.signedOut, 0)
})

// SDK-S1, SDK-S2
for (const call of ['GET /refresh_code', 'POST /refresh_token']) {
  test(`renewing is a failure if something else responds to ${call}`, async (t) => {
    const env = await setup(t)

    for (const reply of [page, proxy, { status: 302, headers: { Location: '/portal' } }, { ...proxy, status: 502 }]) {
      env.replies['GET /portal'] = page
      env.replies[call] = reply
      await assert.rejects(env.console.renew(), UnexpectedResponseError)
    }

    env.replies[call] = { status: 200, headers: { 'Content-Type': 'application/json' }, body: '{}' }
    await assert.rejects(env.console.renew(), UnexpectedResponseError)
    assert.equal(env.signedOut, 0)

    delete env.replies[call]
    assert.equal(await env.console.renew(), true)
  })
}

test('a page in place of a sign-in or a registration is an error', async (t) => {
  const env = await setup(t)
  env.replies['POST /login'] = env.replies['POST /api/users/register'] = page
  const { client } = env.console
  const body = { username: 'New', email: 'new@example.test', password: 'correct horse', verificationCode: '123456' }

  for (const { data, error } of [await signIn({ client, body }), await register({ client, body })]) {
    assert.equal(data, undefined)
    assert.ok(error instanceof UnexpectedResponseError)
  }
})

test('the pages of the gateway are no error', async (t) => {
  const env = await setup(t)
  env.replies['GET /reset?token=t'] = page

  const { data } = await showReset({ client: env.console.client, query: { token: 't' } })

  assert.equal(data, page.body)
})

// SDK-S3
test('renewing has a limit of 60 s, and is tried again a minute later', async (t) => {
  const env = await setup(t)
  env.replies['GET /refresh_code'] = 'silence'
  t.mock.timers.enable({ apis: ['setTimeout'] })

  const codes = () => env.calls.filter((call) => call === 'GET /refresh_code').length
  const renewal = assert.rejects(env.console.renew(), TimeoutError)
  const stop = env.console.keepSignedIn()
  await until(() => codes() === 2)
  t.mock.timers.tick(60_000)
  await renewal
  await turn()

  delete env.replies['GET /refresh_code']
  t.mock.timers.tick(60_000)
  await until(() => env.answered.includes('POST /refresh_token'))
  stop()
  assert.equal(env.signedOut, 0)
})

test('a change that is aborted does not wait for the XSRF cookie', async (t) => {
  const env = await setup(t)
  env.replies['GET /'] = 'silence'
  const abort = new AbortController()

  const call = changeUser({ client: env.console.client, body: rename, signal: abort.signal })
  await until(() => env.calls.length === 1)
  abort.abort(new Error('enough'))

  assert.equal((await call).error.message, 'enough')
  assert.deepEqual(env.calls, ['GET /'])
})
