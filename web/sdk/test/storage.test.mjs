// A storage that fails: a full disk, a locked keychain (SDK-S7).
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createGateway, getMe, memoryStorage } from '../dist/web/sdk/src/index.js'
import { startFake } from './fake.mjs'
import { age, credentials, logoutCall, refreshCall, setup, until } from './setup.mjs'

const hour = 3_600_000

/** A storage whose operations fail while the test says so: `{ load, save, clear }`. */
function unreliable({ later = false } = {}) {
  const inner = memoryStorage()
  const failing = {}
  const run = async (name, tokens) => {
    if (later) {
      await new Promise((next) => setImmediate(next))
    }
    if (failing[name]) {
      throw new Error(`cannot ${name}`)
    }
    return inner[name](tokens)
  }

  return {
    inner,
    failing,
    load: () => run('load'),
    save: (tokens) => run('save', tokens),
    clear: () => run('clear'),
  }
}

/** A gateway in front of such a storage, signed in with tokens that have expired. */
async function expired(t, options) {
  const storage = unreliable(options)
  const env = await setup(t, { storage })
  age(storage.inner, { expired: true })
  return Object.assign(env, { inner: storage.inner, failing: storage.failing })
}

for (const later of [false, true]) {
  test(`renewed tokens that cannot be saved are used all the same (${later ? 'slow' : 'fast'} storage)`, async (t) => {
    const env = await expired(t, { later })
    env.failing.save = true

    for (const _ of [1, 2, 3]) {
      await getMe({ client: env.gateway.client, throwOnError: true })
    }
    await Promise.all([1, 2, 3].map(() => getMe({ client: env.gateway.client, throwOnError: true })))

    assert.equal(await env.gateway.accessToken(), 'access-1')
    assert.equal(env.fake.count(refreshCall), 1)
    assert.deepEqual(env.failures.map(({ message }) => message), ['cannot save'])
    assert.equal(env.inner.load().refreshToken, 'refresh-0')
  })
}

test('saving is tried again with the next renewal', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const env = await expired(t)
  env.failing.save = true
  await env.gateway.accessToken()

  t.mock.timers.tick(hour)
  assert.equal(await env.gateway.accessToken(), 'access-2')
  assert.equal(env.inner.load().refreshToken, 'refresh-0')

  env.failing.save = false
  t.mock.timers.tick(hour)
  assert.equal(await env.gateway.accessToken(), 'access-3')
  assert.equal(env.inner.load().refreshToken, 'refresh-3')
  assert.equal(env.failures.length, 2)
  assert.equal(env.signedOut, 0)
})

test('a sign-in that cannot be saved is a sign-in', async (t) => {
  const fake = await startFake(t)
  const failures = []
  const storage = unreliable()
  storage.failing.save = true
  const gateway = createGateway({ baseUrl: fake.url, storage, onStorageError: (failure) => failures.push(failure) })

  const { error } = await gateway.signIn(credentials)

  assert.equal(error, undefined)
  assert.equal(await gateway.isSignedIn(), true)
  await getMe({ client: gateway.client, throwOnError: true })
  assert.equal(failures.length, 1)
})

test('a new sign-in that cannot be saved replaces the old one', async (t) => {
  const env = await expired(t)
  env.failing.save = env.failing.load = true
  env.fake.generation = 7
  await env.gateway.signIn(credentials)
  env.failing.load = false

  assert.equal(await env.gateway.accessToken(), 'access-7')
  assert.equal(await env.gateway.accessToken(), 'access-7')
  assert.equal(env.fake.count(refreshCall), 0)
})

test('a storage that loses the old tokens when it fails loses no session', async (t) => {
  const env = await expired(t)
  env.storage.save = () => {
    env.inner.clear()
    throw new Error('full')
  }

  assert.equal(await env.gateway.accessToken(), 'access-1')
  assert.equal(await env.gateway.isSignedIn(), true)
  assert.equal(await env.gateway.accessToken(), 'access-1')
  assert.equal(env.fake.count(refreshCall), 1)
})

test('what another tab stores meanwhile wins over unsaved tokens', async (t) => {
  const env = await expired(t)
  env.failing.save = true
  await env.gateway.accessToken()

  const theirs = { accessToken: 'theirs', refreshToken: 'theirs', renewAt: Date.now() + hour, expiresAt: Date.now() + hour }
  env.inner.save(theirs)
  assert.equal(await env.gateway.accessToken(), 'theirs')

  env.inner.clear()
  assert.equal(await env.gateway.isSignedIn(), false)
})

test('a storage that cannot be read at the start is an error, not a sign-out', async (t) => {
  const env = await expired(t)
  env.failing.load = true
  const failures = []
  let signedOut = 0
  const gateway = createGateway({
    baseUrl: env.fake.url,
    storage: env.storage,
    onSignedOut: () => signedOut++,
    onStorageError: (failure) => failures.push(failure),
  })

  const { error } = await getMe({ client: gateway.client })
  assert.equal(error.message, 'cannot load')
  await assert.rejects(gateway.isSignedIn(), { message: 'cannot load' })
  await assert.rejects(gateway.accessToken(), { message: 'cannot load' })
  assert.equal(failures.length, 3)
  assert.equal(signedOut, 0)

  env.failing.load = false
  assert.equal(await gateway.isSignedIn(), true)
  await getMe({ client: gateway.client, throwOnError: true })
})

test('a storage that cannot be read later does not stop a session', async (t) => {
  const env = await expired(t)
  await env.gateway.isSignedIn()
  env.failing.load = true

  await getMe({ client: env.gateway.client, throwOnError: true })
  assert.equal(await env.gateway.accessToken(), 'access-1')
  assert.equal(env.fake.count(refreshCall), 1)
  assert.equal(env.inner.load().refreshToken, 'refresh-1')
})

test('a storage that fails altogether does not stop a session', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const env = await expired(t)
  await env.gateway.isSignedIn()
  env.failing.load = env.failing.save = env.failing.clear = true

  for (const generation of [1, 2, 3]) {
    assert.equal(await env.gateway.accessToken(), `access-${generation}`)
    assert.equal(await env.gateway.accessToken(), `access-${generation}`)
    t.mock.timers.tick(hour)
  }

  assert.equal(env.fake.count(refreshCall), 3)
  assert.equal(env.signedOut, 0)
})

test('an ended session that cannot be cleared has ended, once', async (t) => {
  const env = await expired(t)
  env.failing.clear = true
  env.fake.ended = true

  for (const _ of [1, 2]) {
    const { error } = await getMe({ client: env.gateway.client })
    assert.equal(error.code, 'UNAUTHENTICATED')
  }
  assert.equal(await env.gateway.isSignedIn(), false)
  assert.equal(env.signedOut, 1)
  assert.equal(env.fake.count(refreshCall), 1)

  env.fake.ended = false
  await env.gateway.signIn(credentials)
  await getMe({ client: env.gateway.client, throwOnError: true })
  assert.deepEqual(env.failures.map(({ message }) => message), ['cannot clear'])
})

test('a sign-out that leaves tokens in the storage says so, and is one', async (t) => {
  const env = await expired(t)
  env.failing.clear = true

  await assert.rejects(env.gateway.signOut(), { message: 'cannot clear' })

  assert.equal(env.fake.ended, true)
  assert.equal(await env.gateway.isSignedIn(), false)
  assert.equal(env.signedOut, 0)
})

test('signing out works if the storage cannot be read', async (t) => {
  const env = await expired(t)
  env.failing.load = true
  const gateway = createGateway({ baseUrl: env.fake.url, storage: env.storage })

  await gateway.signOut()

  assert.equal(env.inner.load(), undefined)
  assert.equal(env.fake.count(logoutCall), 0)
})

test('without a callback, failures of the storage go unreported', async (t) => {
  const env = await expired(t)
  env.failing.save = true
  const gateway = createGateway({ baseUrl: env.fake.url, storage: env.storage })

  assert.equal(await gateway.accessToken(), 'access-1')
})

test('an early renewal that cannot be saved is used', async (t) => {
  const env = await expired(t)
  env.inner.save({ ...env.inner.load(), expiresAt: Date.now() + hour })
  env.failing.save = true

  assert.equal(await env.gateway.accessToken(), 'access-0')
  await until(() => env.failures.length === 1)
  assert.equal(await env.gateway.accessToken(), 'access-1')
  assert.equal(env.fake.count(refreshCall), 1)
})
