// What comes from a captive portal or a proxy in place of the gateway (SDK-S1, SDK-S2).
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createGateway, getMe, memoryStorage, register, UnexpectedResponseError } from '../dist/web/sdk/src/index.js'
import { startFake } from './fake.mjs'
import { age, credentials, meCall, refreshCall, setup } from './setup.mjs'

const loginCall = 'POST /api/auth/login'
const html = { 'Content-Type': 'text/html; charset=utf-8' }
const json = { 'Content-Type': 'application/json' }
const tokens = { access_token: 'stranger', token_type: 'bearer', expires_in: 3600, refresh_token: 'stranger' }
const page = '<!doctype html><title>Welcome to the hotel</title>'

/** Successes, or nearly, that have no tokens of the gateway. */
const noTokens = {
  'a page': { headers: html, body: page },
  'a page without a type': { headers: {}, body: page },
  'tokens as text': { headers: { 'Content-Type': 'text/plain' }, body: JSON.stringify(tokens) },
  'tokens as another kind of JSON': { headers: { 'Content-Type': 'application/jsonp' }, body: JSON.stringify(tokens) },
  204: { status: 204, headers: {} },
  'an empty body': {},
  'no body': { headers: { ...json, 'Content-Length': '0' } },
  null: { body: 'null' },
  'an empty list': { body: '[]' },
  'a text': { body: '"tokens"' },
  'an empty object': { body: '{}' },
  'another object': { body: JSON.stringify({ success: true, message: 'connected' }) },
  'half of the JSON': { body: JSON.stringify(tokens).slice(0, 40) },
  'half of the body': { headers: { ...json, 'Content-Length': '500' }, body: JSON.stringify(tokens), cut: true },
  'no access token': { body: JSON.stringify({ ...tokens, access_token: undefined }) },
  'an access token of null': { body: JSON.stringify({ ...tokens, access_token: null }) },
  'an empty access token': { body: JSON.stringify({ ...tokens, access_token: '' }) },
  'no refresh token': { body: JSON.stringify({ ...tokens, refresh_token: undefined }) },
  'an empty refresh token': { body: JSON.stringify({ ...tokens, refresh_token: '' }) },
  'a refresh token of another type': { body: JSON.stringify({ ...tokens, refresh_token: 7 }) },
  'no expiry': { body: JSON.stringify({ ...tokens, expires_in: undefined }) },
  'an expiry as text': { body: JSON.stringify({ ...tokens, expires_in: 'soon' }) },
  'an expiry in the past': { body: JSON.stringify({ ...tokens, expires_in: -1 }) },
  'an expiry out of range': { body: JSON.stringify(tokens).replace('3600', '1e999') },
  'a redirect to a page': { status: 302, headers: { Location: '/portal' } },
  'a redirect of the request': { status: 307, headers: { Location: '/portal' } },
  'a lasting redirect of the request': { status: 308, headers: { Location: '/portal' } },
}

/** Errors that do not come from the gateway, or do not end a session. */
const noRefusal = {
  'a 401 of a proxy': { status: 401, headers: { ...html, 'WWW-Authenticate': 'Basic realm="proxy"' }, body: page },
  'a 401 without a body': { status: 401, headers: {} },
  'a 401 with JSON of a proxy': { status: 401, body: JSON.stringify({ code: 401, message: 'Unauthorized' }) },
  'a 401 with another code': refusal(401, 'UNAUTHENTICATED'),
  'a 401 with a code of another version': refusal(401, 'CLIENT_TOO_OLD'),
  'a 401 with the code in a page': { ...refusal(401, 'REFRESH_TOKEN_INVALID'), headers: html },
  'a 403 with the code': refusal(403, 'REFRESH_TOKEN_INVALID'),
  'a 400': refusal(400, 'INVALID_REQUEST'),
  'a 403 of a proxy': { status: 403, headers: html, body: page },
  'a 404': refusal(404, 'NOT_FOUND'),
  'a 429': refusal(429, 'TOO_MANY_REQUESTS'),
  'a 500': refusal(500, 'INTERNAL'),
  'a 502 of a proxy': { status: 502, headers: html, body: page },
  'a 511 of a network': { status: 511, headers: html, body: page },
}

function refusal(status, code) {
  return { status, body: JSON.stringify({ success: false, code, message: code, requestId: 'test' }) }
}

for (const [name, reply] of Object.entries({ ...noTokens, ...noRefusal })) {
  test(`a refresh that gets ${name} keeps the session, and is tried again`, async (t) => {
    const env = await setup(t)
    age(env.storage, { expired: true })
    const before = env.storage.load()
    env.fake.replies[refreshCall] = reply
    env.fake.replies['GET /portal'] = env.fake.replies['POST /portal'] = { body: JSON.stringify(tokens) }

    const { data, error } = await getMe({ client: env.gateway.client })

    assert.equal(data, undefined)
    assert.ok(error)
    assert.deepEqual(env.storage.load(), before)
    assert.equal(env.signedOut, 0)
    assert.equal(env.fake.calls.filter((call) => call.endsWith('/portal')).length, 0)

    delete env.fake.replies[refreshCall]
    await getMe({ client: env.gateway.client, throwOnError: true })
    assert.equal(env.storage.load().refreshToken, 'refresh-1')
  })
}

for (const [name, reply] of Object.entries(noTokens)) {
  test(`a sign-in that gets ${name} fails, and keeps what there was`, async (t) => {
    const env = await setup(t)
    const before = env.storage.load()
    env.fake.replies[loginCall] = reply
    env.fake.replies['GET /portal'] = env.fake.replies['POST /portal'] = { body: JSON.stringify(tokens) }

    const { data, error } = await env.gateway.signIn(credentials)

    assert.equal(data, undefined)
    assert.ok(error instanceof UnexpectedResponseError)
    assert.deepEqual(env.storage.load(), before)
    assert.equal(env.fake.calls.filter((call) => call.endsWith('/portal')).length, 0)
  })
}

test('a first sign-in through a captive portal signs no one in', async (t) => {
  const fake = await startFake(t)
  fake.replies[loginCall] = noTokens['a page']
  const gateway = createGateway({ baseUrl: fake.url, storage: memoryStorage() })

  const { error } = await gateway.signIn(credentials)

  assert.match(error.message, /200 text\/html/)
  assert.equal(await gateway.isSignedIn(), false)
})

test('a sign-in that a proxy refuses has an error that says so', async (t) => {
  const env = await setup(t)
  env.fake.replies[loginCall] = noRefusal['a 401 of a proxy']

  const { error } = await env.gateway.signIn(credentials)

  assert.match(error.message, /401 text\/html/)
  assert.equal(error.response.headers.get('WWW-Authenticate'), 'Basic realm="proxy"')
})

test('a registration succeeds only with the response of the gateway', async (t) => {
  const env = await setup(t)
  const body = { username: 'New', email: 'new@example.test', password: 'correct horse', verificationCode: '123456' }

  for (const name of ['a page', 'a page without a type', '204', 'an empty object', 'half of the JSON']) {
    env.fake.replies['POST /api/users/register'] = noTokens[name]
    const { data, error } = await register({ client: env.gateway.client, body })

    assert.equal(data, undefined, name)
    assert.ok(error, name)
  }

  delete env.fake.replies['POST /api/users/register']
  const { response } = await register({ client: env.gateway.client, body, throwOnError: true })
  assert.equal(response.status, 201)
})

test('a page in place of any response is an error', async (t) => {
  const env = await setup(t)
  env.fake.replies[meCall] = noTokens['a page']

  const { data, error } = await getMe({ client: env.gateway.client })

  assert.equal(data, undefined)
  assert.ok(error instanceof UnexpectedResponseError)
})

for (const name of ['a 401 of a proxy', 'a 401 without a body', 'a 401 with JSON of a proxy', 'a 403 of a proxy']) {
  test(`a call that gets ${name} neither renews nor signs out`, async (t) => {
    const env = await setup(t)
    env.fake.replies[meCall] = noRefusal[name]

    const { error, response } = await getMe({ client: env.gateway.client })

    assert.notEqual(error, undefined)
    assert.equal(response.status, noRefusal[name].status)
    assert.equal(env.fake.count(refreshCall), 0)
    assert.equal(env.fake.count(meCall), 1)
    assert.equal(env.signedOut, 0)
  })
}

test('REFRESH_TOKEN_INVALID ends the session, whatever the parameters of the type', async (t) => {
  const env = await setup(t)
  age(env.storage, { expired: true })
  env.fake.replies[refreshCall] = {
    ...refusal(401, 'REFRESH_TOKEN_INVALID'),
    headers: { 'Content-Type': 'Application/JSON; charset=utf-8' },
  }

  const { error } = await getMe({ client: env.gateway.client })

  assert.equal(error.code, 'UNAUTHENTICATED')
  assert.equal(env.signedOut, 1)
  assert.equal(env.storage.load(), undefined)
})

test('a broken record in the storage is not a session', async (t) => {
  const env = await setup(t)

  for (const kept of [null, {}, { accessToken: undefined, refreshToken: undefined, renewAt: NaN }, 'tokens']) {
    env.storage.save(kept)
    const { error } = await getMe({ client: env.gateway.client })

    assert.equal(error.code, 'UNAUTHENTICATED')
    assert.equal(await env.gateway.isSignedIn(), false)
  }

  assert.equal(env.fake.count(refreshCall), 0)
})

test('a record that has lost its access token is renewed', async (t) => {
  const env = await setup(t)
  env.storage.save({ ...env.storage.load(), accessToken: '' })

  await getMe({ client: env.gateway.client, throwOnError: true })

  assert.equal(env.fake.count(refreshCall), 1)
})
