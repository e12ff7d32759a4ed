// A renewal that hangs, and callers that do not want to wait for it (SDK-S3).
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'

import { createGateway, getMe, TimeoutError } from '../dist/web/sdk/src/index.js'
import { age, credentials, logoutCall, meCall, refreshCall, setup, turn, until } from './setup.mjs'

/** A promise, and whether it has settled. */
function watch(promise) {
  const watched = { promise, settled: false }
  promise.finally(() => (watched.settled = true)).catch(() => {})
  return watched
}

function latch() {
  let open
  return { closed: new Promise((resolve) => (open = resolve)), open }
}

test('a refresh without a response fails after 60 s, and the next call starts another', async (t) => {
  const env = await setup(t)
  age(env.storage, { expired: true })
  const before = env.storage.load()
  env.fake.replies[refreshCall] = 'silence'
  t.mock.timers.enable({ apis: ['setTimeout'] })

  const calls = [1, 2, 3].map(() => watch(getMe({ client: env.gateway.client })))
  await until(() => env.fake.count(refreshCall) === 1)
  t.mock.timers.tick(59_999) // the server itself waits for 40 s in an outage
  await turn()
  assert.ok(calls.every(({ settled }) => !settled))
  t.mock.timers.tick(1)

  for (const { promise } of calls) {
    const { error } = await promise
    assert.ok(error instanceof TimeoutError)
    assert.equal(error.message, 'no response within 60 s')
  }
  assert.equal(env.fake.count(refreshCall), 1)
  assert.equal(env.signedOut, 0)
  assert.deepEqual(env.storage.load(), before)

  delete env.fake.replies[refreshCall]
  await getMe({ client: env.gateway.client, throwOnError: true })
  assert.equal(env.fake.count(refreshCall), 2)
})

test('the limit includes the repetitions in an outage', async (t) => {
  let responses = 0
  const env = await setup(t, { fetch: (request) => fetch(request).finally(() => responses++) })
  age(env.storage, { expired: true })
  env.fake.outages = Infinity
  env.fake.retryAfter = '25'
  responses = 0
  t.mock.timers.enable({ apis: ['setTimeout'] })

  const call = watch(env.gateway.accessToken())
  for (const sent of [1, 2, 3]) {
    await until(() => responses === sent)
    await turn()
    t.mock.timers.tick(25_000)
  }

  await assert.rejects(call.promise, TimeoutError)
  assert.equal(env.fake.count(refreshCall), 3)
  assert.equal(env.signedOut, 0)
})

test('the limit is an option, and Infinity is none', async (t) => {
  const env = await setup(t)
  const short = createGateway({ baseUrl: env.fake.url, storage: env.storage, refreshTimeout: 1000 })
  const patient = createGateway({ baseUrl: env.fake.url, storage: env.storage, refreshTimeout: Infinity })
  age(env.storage, { expired: true })
  const gate = latch()
  env.fake.gate = gate.closed
  t.mock.timers.enable({ apis: ['setTimeout'] })

  const waits = watch(patient.accessToken())
  const ends = watch(short.accessToken())
  await until(() => env.fake.count(refreshCall) === 2)
  t.mock.timers.tick(1000)

  await assert.rejects(ends.promise, { name: 'TimeoutError', message: 'no response within 1 s' })
  t.mock.timers.tick(3_600_000)
  await turn()
  assert.equal(waits.settled, false)
  gate.open()
  assert.equal(await waits.promise, 'access-1')
})

test('a fetch that ignores its signal does not hold the calls, and its late response is dropped', async (t) => {
  const late = latch()
  let hang = true
  const env = await setup(t, {
    fetch: async (request) => {
      if (hang && request.url.endsWith('/refresh')) {
        hang = false
        await late.closed
        return Response.json({ access_token: 'late', token_type: 'bearer', expires_in: 3600, refresh_token: 'late' })
      }
      return fetch(request)
    },
  })
  age(env.storage, { expired: true })
  t.mock.timers.enable({ apis: ['setTimeout'] })

  const call = watch(env.gateway.accessToken())
  await until(() => !hang)
  t.mock.timers.tick(60_000)
  await assert.rejects(call.promise, TimeoutError)

  late.open()
  await turn()
  assert.equal(env.storage.load().refreshToken, 'refresh-0')
  assert.equal(await env.gateway.accessToken(), 'access-1')
})

test('an aborted call ends at once, and the others get the renewed token', async (t) => {
  const env = await setup(t)
  age(env.storage, { expired: true })
  const gate = latch()
  env.fake.gate = gate.closed
  const abort = new AbortController()

  const aborted = getMe({ client: env.gateway.client, signal: abort.signal })
  const other = watch(getMe({ client: env.gateway.client }))
  await until(() => env.fake.count(refreshCall) === 1)
  abort.abort(new Error('enough'))

  assert.equal((await aborted).error.message, 'enough')
  assert.equal(other.settled, false)

  gate.open()
  assert.equal((await other.promise).data.success, true)
  assert.equal(env.fake.count(refreshCall), 1)
  assert.equal(env.fake.count(meCall), 1)
})

test('an aborted call ends at once after a 401, too', async (t) => {
  const env = await setup(t)
  env.storage.save({ ...env.storage.load(), accessToken: 'refused' })
  const gate = latch()
  env.fake.gate = gate.closed
  const abort = new AbortController()

  const call = getMe({ client: env.gateway.client, signal: abort.signal })
  await until(() => env.fake.count(refreshCall) === 1)
  abort.abort(new Error('enough'))

  assert.equal((await call).error.message, 'enough')
  gate.open()
  await until(() => env.storage.load().refreshToken === 'refresh-1')
  assert.equal(env.signedOut, 0)
})

test('a call that was aborted before sends nothing of its own', async (t) => {
  const env = await setup(t)

  const { error } = await getMe({ client: env.gateway.client, signal: AbortSignal.abort(new Error('enough')) })

  assert.equal(error.message, 'enough')
  assert.equal(env.fake.count(meCall), 0)
})

test('accessToken takes a signal, and leaves no listener and no timer', async (t) => {
  const env = await setup(t)
  age(env.storage, { expired: true })
  const gate = latch()
  env.fake.gate = gate.closed
  const running = new Set()
  const { setTimeout, clearTimeout } = globalThis
  t.mock.method(globalThis, 'setTimeout', (callback, delay) => {
    const timer = setTimeout(callback, delay)
    if (delay === 60_000) {
      running.add(timer) // fetch has timers of its own
    }
    return timer
  })
  t.mock.method(globalThis, 'clearTimeout', (timer) => {
    running.delete(timer)
    clearTimeout(timer)
  })
  const lasting = new AbortController()
  const abort = new AbortController()

  const kept = env.gateway.accessToken({ signal: lasting.signal })
  const aborted = env.gateway.accessToken({ signal: abort.signal })
  await until(() => env.fake.count(refreshCall) === 1)
  assert.equal(running.size, 1)
  abort.abort(new Error('enough'))
  await assert.rejects(aborted, { message: 'enough' })
  await assert.rejects(env.gateway.accessToken({ signal: abort.signal }), { message: 'enough' })
  gate.open()

  assert.equal(await kept, 'access-1')
  await turn()
  assert.equal(getEventListeners(lasting.signal, 'abort').length, 0)
  assert.equal(getEventListeners(abort.signal, 'abort').length, 0)
  assert.equal(running.size, 0)
})

test('an early renewal that hangs holds up no call', async (t) => {
  const env = await setup(t)
  age(env.storage)
  const gate = latch()
  env.fake.gate = gate.closed

  for (const _ of [1, 2, 3]) {
    await getMe({ client: env.gateway.client, throwOnError: true })
  }
  await until(() => env.fake.count(refreshCall) === 1)
  assert.equal(await env.gateway.accessToken(), 'access-0')

  gate.open()
  await until(() => env.storage.load().refreshToken === 'refresh-1')
  assert.equal(await env.gateway.accessToken(), 'access-1')
  assert.equal(env.fake.count(refreshCall), 1)
})

test('a token that would expire on its way is not sent', async (t) => {
  const env = await setup(t)
  env.storage.save({ ...env.storage.load(), renewAt: 0, expiresAt: Date.now() + 5000 })

  assert.equal(await env.gateway.accessToken(), 'access-1')
})

test('a new sign-in does not wait for the renewal of the old session', async (t) => {
  const env = await setup(t)
  age(env.storage, { expired: true })
  env.fake.replies[refreshCall] = 'silence'
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const old = watch(env.gateway.accessToken())
  await until(() => env.fake.count(refreshCall) === 1)

  delete env.fake.replies[refreshCall]
  env.fake.generation = 7
  await env.gateway.signIn(credentials)
  age(env.storage, { expired: true })

  assert.equal(await env.gateway.accessToken(), 'access-8')
  assert.equal(old.settled, false)
  t.mock.timers.tick(60_000)
  await assert.rejects(old.promise, TimeoutError)
})

test('a sign-in can be aborted', async (t) => {
  const env = await setup(t)
  env.fake.replies['POST /api/auth/login'] = 'silence'
  const abort = new AbortController()

  const call = env.gateway.signIn(credentials, { signal: abort.signal })
  await until(() => env.fake.count('POST /api/auth/login') === 2)
  abort.abort(new Error('enough'))

  assert.equal((await call).error.message, 'enough')
  assert.equal(await env.gateway.isSignedIn(), true)
})

test('a sign-out without a response ends on this device after the limit', async (t) => {
  const env = await setup(t)
  env.fake.replies[logoutCall] = 'silence'
  t.mock.timers.enable({ apis: ['setTimeout'] })

  const call = watch(env.gateway.signOut())
  await until(() => env.fake.count(logoutCall) === 1)
  t.mock.timers.tick(60_000)
  await call.promise

  assert.equal(env.storage.load(), undefined)
})

test('what a renewal learns during the sign-out of its user is not reported', async (t) => {
  const refreshes = latch()
  const env = await setup(t, {
    fetch: async (request) => {
      const response = await fetch(request)
      if (request.url.endsWith('/refresh')) {
        refreshes.open()
      }
      return response
    },
  })
  age(env.storage)
  const [renewal, logout] = [latch(), latch()]
  env.fake.gate = renewal.closed
  env.fake.logoutGate = logout.closed

  const signOut = env.gateway.signOut()
  await until(() => env.fake.ended)
  renewal.open()
  await refreshes.closed
  await turn()
  logout.open()
  await signOut

  assert.equal(env.fake.count(refreshCall), 1)
  assert.equal(env.storage.load(), undefined)
  assert.equal(env.signedOut, 0)
})
