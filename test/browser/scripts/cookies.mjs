// A neighbour under the same domain can set cookies for the whole domain, and tries to replace those of the gateway.
import assert from 'node:assert/strict'

import { input } from './input.mjs'

export async function neighbourTossesCookies(context, ask) {
  const before = await held(context)
  const page = await context.newPage()
  await page.goto(`${input.neighbour}/attacker.html`)

  const { session, xsrf } = input.attacker // valid, and of the neighbour's own account
  const everywhere = 'Domain=app.test; Path=/; Secure'
  const names = [
    '__Host-TOKEN',
    '__host-token',
    ' __Host-TOKEN',
    '\u2000__Host-TOKEN',
    '__Host-TOKEN ',
    '__%48ost-TOKEN',
    '__Host-PRE',
    '"__Host-TOKEN"',
  ]
  const cookies = [
    `tossed=1; ${everywhere}`,
    ...names.map((name) => `${name}=${session}; ${everywhere}`),
    `=__Host-TOKEN=${session}; ${everywhere}`, // without a name, and a value that contains one
    `__Host-TOKEN=${session}; ${everywhere}; HttpOnly`,
    `__Host-TOKEN=${session}; Domain=${new URL(input.gateway).hostname}; Path=/; Secure`,
    `__Host-TOKEN=${session}; Path=/; Secure`, // the neighbour's own cookie, which it may set
    `__Host-TOKEN=; Max-Age=0; ${everywhere}`,
    `XSRF-TOKEN=${xsrf}; ${everywhere}`,
    `XSRF_TOKEN=${xsrf}; ${everywhere}`,
  ]

  await page.evaluate((list) => list.forEach((one) => (document.cookie = one)), cookies)
  for (const cookie of cookies) {
    await page.evaluate((query) => fetch(`/toss?${query}`), `${new URLSearchParams({ cookie })}`)
  }
  await page.close()

  const after = await held(context)
  assert.equal(after.tossed, '1', 'nothing could be tossed, so nothing was tried')
  assert.equal(after['XSRF-TOKEN'], xsrf, 'the forged token did not arrive, so nothing was tried')
  for (const name of ['__Host-TOKEN', '__Host-PRE']) {
    assert.equal(after[name], before[name], `${name} was overwritten`)
  }

  // The victim is still signed in as themselves, and the forged pair is refused once.
  const { data } = await ask('GET', '/user')
  assert.equal(data.email, input.victim.email)
  const refused = await ask('PATCH', '/user', { key: 'name', name: 'Forged Pair' })
  assert.equal(`${refused.status} ${refused.data.code}`, '403 XSRF_INVALID')

  // Without the victim's own cookies the neighbour's imitations are not a session either.
  const own = (await context.cookies(input.gateway)).find(({ name }) => name === '__Host-TOKEN')
  await context.clearCookies({ name: '__Host-TOKEN', domain: own.domain })
  assert.equal((await ask('GET', '/verify')).status, 401)
  await context.addCookies([own])
  await context.clearCookies({ domain: '.app.test' })
  assert.equal((await ask('GET', '/')).status, 200)
}

async function held(context) {
  const cookies = await context.cookies(input.gateway)

  return Object.fromEntries(cookies.map(({ name, value }) => [name, value]))
}
