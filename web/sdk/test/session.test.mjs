import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createGateway, getMe, memoryStorage, sendRegistrationCode } from '../dist/web/sdk/src/index.js'
import { startFake } from './fake.mjs'
import { age, meCall, refreshCall, setup, turn, until } from './setup.mjs'

test('sign-in keeps the tokens, and calls carry them', async (t) => {
  const { gateway, fake } = await setup(t)

  const { data } = await getMe({ client: gateway.client, throwOnError: true })

  assert.equal(data.success, true)
  assert.equal(await gateway.isSignedIn(), true)
  assert.equal(fake.count(refreshCall), 0)
})

test('a wrong password keeps nothing', async (t) => {
  const fake = await startFake(t)
  const gateway = createGateway({ baseUrl: fake.url, storage: memoryStorage() })

  const { error } = await gateway.signIn({ email: 'user@example.test', password: 'wrong' })

  assert.equal(error.code, 'INVALID_CREDENTIALS')
  assert.equal(await gateway.isSignedIn(), false)
})

test('tokens are renewed five minutes before they expire', async (t) => {
  const { storage } = await setup(t, { expiresIn: 3600 })

  const { renewAt, expiresAt } = storage.load()

  assert.equal(expiresAt - renewAt, 5 * 60_000)
})

test('a life shorter than ten minutes is renewed at half of it', async (t) => {
  const { storage } = await setup(t, { expiresIn: 60 })

  const { renewAt, expiresAt } = storage.load()

  assert.equal(expiresAt - renewAt, 30_000)
})

test('many callers of a due token make one refresh', async (t) => {
  const { gateway, fake, storage } = await setup(t)
  age(storage)

  const answers = await Promise.all(Array.from({ length: 25 }, () => getMe({ client: gateway.client })))

  assert.ok(answers.every(({ data }) => data?.success))
  await until(() => storage.load().refreshToken === 'refresh-1')
  assert.equal(fake.count(refreshCall), 1)
})

test('many callers of an expired token make one refresh, and wait for it', async (t) => {
  const { gateway, fake, storage } = await setup(t)
  age(storage, { expired: true })

  const answers = await Promise.all(Array.from({ length: 25 }, () => getMe({ client: gateway.client })))

  assert.ok(answers.every(({ data }) => data?.success))
  assert.equal(fake.count(refreshCall), 1)
  assert.equal(fake.count(meCall), 25)
})

test('many callers that are answered 401 make one refresh, and each repeats once', async (t) => {
  const { gateway, fake, storage } = await setup(t)
  storage.save({ ...storage.load(), accessToken: 'refused' })

  const answers = await Promise.all(Array.from({ length: 20 }, () => getMe({ client: gateway.client })))

  assert.ok(answers.every(({ data }) => data?.success))
  assert.equal(fake.count(refreshCall), 1)
  assert.ok(fake.count(meCall) <= 40)
})

test('a request is repeated once only', async (t) => {
  const { gateway, fake, storage } = await setup(t)
  storage.save({ ...storage.load(), accessToken: 'refused' })
  // The refresh succeeds, but its token is refused too.
  const broken = createGateway({
    baseUrl: fake.url,
    storage,
    fetch: async (request) => {
      const answer = await fetch(request)
      if (request.url.endsWith('/refresh')) {
        fake.generation++
      }
      return answer
    },
  })

  const { error } = await getMe({ client: broken.client })

  assert.equal(error.code, 'TOKEN_INVALID')
  assert.equal(fake.count(meCall), 2)
  assert.equal(fake.count(refreshCall), 1)
  assert.equal(await gateway.isSignedIn(), true)
})

test('a refresh answered 401 clears the storage and says so once', async (t) => {
  const env = await setup(t)
  env.fake.ended = true

  const answers = await Promise.all(Array.from({ length: 5 }, () => getMe({ client: env.gateway.client })))

  assert.ok(answers.every(({ error }) => error.code === 'TOKEN_INVALID'))
  assert.equal(env.signedOut, 1)
  assert.equal(env.storage.load(), undefined)
})

test('a short outage is waited out', async (t) => {
  const env = await setup(t)
  env.fake.outages = 2

  const { data } = await getMe({ client: env.gateway.client })

  assert.equal(data.success, true)
  assert.equal(env.signedOut, 0)
})

test('an outage that lasts is reported, and signs no one out', async (t) => {
  const env = await setup(t)
  age(env.storage, { expired: true })
  env.fake.outages = Infinity

  const { error } = await getMe({ client: env.gateway.client })

  assert.equal(error.code, 'UNAVAILABLE')
  assert.equal(env.signedOut, 0)
  assert.equal(env.storage.load().refreshToken, 'refresh-0')
})

test('a server that asks for a long wait is not waited for', async (t) => {
  const env = await setup(t)
  env.fake.outages = Infinity
  env.fake.retryAfter = '3600'

  const { error } = await getMe({ client: env.gateway.client })

  assert.equal(error.code, 'UNAVAILABLE')
  assert.equal(env.fake.count(meCall), 1)
})

test('an early renewal that fails leaves the token that is still valid', async (t) => {
  const env = await setup(t)
  age(env.storage)
  env.fake.replies[refreshCall] = { status: 500 }

  for (const attempts of [1, 2]) {
    const { data } = await getMe({ client: env.gateway.client })

    assert.equal(data.success, true)
    await until(() => env.fake.count(refreshCall) === attempts)
  }

  assert.equal(env.signedOut, 0)
})

test('a refresh whose connection is cut is repeated', async (t) => {
  const env = await setup(t)
  age(env.storage, { expired: true })
  env.fake.cuts = 1

  const { data } = await getMe({ client: env.gateway.client })

  assert.equal(data.success, true)
  assert.equal(env.fake.count(refreshCall), 2)
})

test('a request that changes something is not repeated after a cut', async (t) => {
  const env = await setup(t)
  env.fake.cuts = 1

  const { error } = await sendRegistrationCode({
    client: env.gateway.client,
    body: { email: 'user@example.test' },
  })

  assert.ok(error)
  assert.equal(env.fake.count('POST /api/users/register/send-code'), 1)
})

test('an aborted request stops waiting', async (t) => {
  let responses = 0
  const env = await setup(t, { fetch: (request) => fetch(request).finally(() => responses++) })
  env.fake.outages = Infinity
  env.fake.retryAfter = '20'
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const abort = new AbortController()

  const call = getMe({ client: env.gateway.client, signal: abort.signal })
  await until(() => responses === 2) // of the sign-in, and 503
  await turn()
  abort.abort(new Error('enough'))

  assert.equal((await call).error.message, 'enough')
  assert.equal(env.fake.count(meCall), 1)
})

test('signing out during a refresh stays signed out', async (t) => {
  const env = await setup(t)
  age(env.storage, { expired: true })
  let open
  env.fake.gate = new Promise((resolve) => {
    open = resolve
  })

  const call = getMe({ client: env.gateway.client })
  env.storage.clear()
  open()
  const { error } = await call

  assert.equal(error.code, 'UNAUTHENTICATED')
  assert.equal(env.storage.load(), undefined)
  assert.equal(env.signedOut, 0)
})

for (const ended of [false, true]) {
  test(`a sign-in during a refresh wins, whatever the response (${ended ? 'rejected' : 'renewed'})`, async (t) => {
    const env = await setup(t)
    age(env.storage, { expired: true })
    let open
    env.fake.gate = new Promise((resolve) => {
      open = resolve
    })

    const call = env.gateway.accessToken()
    await until(() => env.fake.count(refreshCall) === 1)
    const theirs = { ...env.storage.load(), accessToken: 'theirs', refreshToken: 'theirs' }
    env.storage.save(theirs)
    env.fake.ended = ended
    open()

    assert.equal(await call, 'theirs')
    assert.deepEqual(env.storage.load(), theirs)
    assert.equal(env.signedOut, 0)
  })
}

test('tokens that another tab has renewed are used', async (t) => {
  const env = await setup(t)
  const other = createGateway({ baseUrl: env.fake.url, storage: env.storage })
  age(env.storage, { expired: true })

  const answers = await Promise.all([
    getMe({ client: env.gateway.client }),
    getMe({ client: other.client }),
  ])

  assert.ok(answers.every(({ data }) => data?.success))
  assert.equal(env.signedOut, 0)
})

test('signing out ends the session on the server and clears the storage', async (t) => {
  const { gateway, fake, storage } = await setup(t)

  await gateway.signOut()

  assert.equal(fake.ended, true)
  assert.equal(storage.load(), undefined)
})

test('signing out works while the server is away', async (t) => {
  const env = await setup(t)
  env.fake.cuts = Infinity

  await env.gateway.signOut()

  assert.equal(env.storage.load(), undefined)
})
