// A user works with the console: what they see, what the browser stores, and what it sends.
import assert from 'node:assert/strict'

import { launch } from './chromium.mjs'
import { runParts, authenticator, askTest, codeFor, mailTo, input } from './input.mjs'
import { failures, picture, send, signIn, tab, watch } from './tab.mjs'

const { gateway, person, rounds } = input

const browser = await launch(input)
const context = await browser.newContext({ locale: 'en', viewport: { width: 900, height: 1100 } })
const responses = watch(context)
const first = await tab(context)

let second
let otpauth
let password = person.password
let email = person.email

await runParts(
  {
    async 'the page loads, and no one is signed in'() {
      assert.ok(await first.isVisible('#signed-out'))
      expectResponses(['GET / 200', 'GET /verify 401'])
      assert.deepEqual(await readable(first), ['XSRF-TOKEN', 'XSRF_TOKEN'])
    },

    async 'a wrong password gets 400 and a message'() {
      assert.equal(await send(first, 'POST /login', { email, password: `not ${password}` }), 400)
      assert.ok(await first.isVisible('#signed-out'))
      assert.notEqual(await first.textContent('#message'), '')
      expectResponses(['POST /login 400'])
    },

    async 'sign in, verify, user, the first renewal'() {
      await signIn(first, 'POST /login', { email, password })
      expectResponses([
        'POST /login 204',
        'GET /verify 204',
        'GET /user 200',
        'GET /refresh_code 200',
        'POST /refresh_token 204',
      ])
      assert.equal(await first.textContent('#email'), email)
      assert.match(await first.textContent('#_id'), /^[0-9a-f]{24}$/)
      assert.match(await first.textContent('#history'), / password$/)
    },

    async 'the session is out of reach of scripts, and the XSRF token is not'() {
      await expectCookies()
    },

    async 'two tabs renew at once, many times'() {
      second = await tab(context)
      assert.ok(await second.isVisible('#signed-in'), 'the second tab asks for a sign-in')
      responses.length = 0

      const before = await session()
      const renewed = await Promise.all(
        [first, second].map((one) =>
          one.evaluate(async (times) => {
            let good = 0
            for (let i = 0; i < times; i++) {
              good += (await window.renew()) ? 1 : 0
            }
            return good
          }, rounds),
        ),
      )

      assert.deepEqual(renewed, [rounds, rounds])
      assert.equal(responses.filter((one) => one === 'GET /refresh_code 200').length, 2 * rounds)
      assert.equal(responses.filter((one) => one === 'POST /refresh_token 204').length, 2 * rounds)
      assert.equal(responses.length, 4 * rounds, 'there were other responses')
      assert.notEqual(await session(), before)
      responses.length = 0
    },

    async 'the profile changes, in both spellings of the key'() {
      for (const [key, value] of [
        ['Name', 'First Name'],
        ['name', 'Second Name'],
        ['Avatar', 'people/1.png'],
        ['avatar', 'people/2.png'],
      ]) {
        assert.equal(await send(first, 'PATCH /user', { key, value }), 204)
        assert.equal(await first.textContent(`#${key.toLowerCase()}`), value)
      }
    },

    async 'the e-mail address changes with the code from the inbox'() {
      for (const [key, to] of [
        ['Email', person.second],
        ['email', person.third],
      ]) {
        assert.equal(await send(first, 'PATCH /user', { key, value: to }), 204)
        assert.equal(await first.textContent('#email'), email, 'the address changed without its code')
        assert.equal(await send(first, 'PATCH /user', { key, value: to, code: await codeFor(to) }), 204)
        assert.equal(await first.textContent('#email'), to)
        email = to
      }
    },

    async 'the e-mail address changes by the link, in another browser'() {
      assert.equal(await send(first, 'PATCH /user', { key: 'email', value: person.fourth }), 204)
      const there = await (await browser.newContext({ locale: 'en' })).newPage()
      await there.goto((await mailTo(person.fourth)).text.match(/https:\S+\/confirm_email\S+/)[0])
      assert.ok((await there.textContent('main')).includes(person.fourth))
      assert.equal((await there.$$('button')).length, 1)
      await refreshed(email)

      await there.click('button')
      await there.waitForURL(/changed=true/)
      await picture(there, 'changed')
      email = person.fourth
      await refreshed(email)
      await there.context().close()
    },

    async 'a phone is bound'() {
      assert.equal(await send(first, 'GET /user/phone_code', { phone: person.phone }), 204)
      assert.equal(
        await send(first, 'POST /user/phone', { phone: person.phone, code: await codeFor(person.phone) }),
        204,
      )
      assert.equal(await first.textContent('#phone'), '*')
    },

    async 'an authenticator app is bound, and the pictures of its secret load'() {
      assert.equal(await send(first, 'GET /user/totp'), 200)
      otpauth = await first.textContent('#otpauth')
      for (const format of ['svg', 'png']) {
        const width = await first.$eval(`#${format}`, (picture) => picture.decode().then(() => picture.naturalWidth))
        assert.ok(width > 0, `the ${format} is ${width} wide`)
      }
      await picture(first, 'totp')

      const { now } = await askTest('/advance', { seconds: 0 })
      const [a, b, c] = [0, 1, 2].map((step) => authenticator(otpauth, now, step))
      assert.equal(
        await send(first, 'POST /user/totp', { first: a, second: c }),
        400,
        'two codes that are not in a row',
      )
      assert.equal(await send(first, 'POST /user/totp', { first: a, second: b }), 200)
      assert.equal(await first.textContent('#totp'), '*')
    },

    async 'other sessions are listed, and end'() {
      const elsewhere = await browser.newContext({ locale: 'en' })
      const there = await tab(elsewhere)
      await signIn(there, 'POST /login', { email, password })

      assert.equal(await send(first, 'GET /user/sessions'), 200)
      const lines = await first.$$eval('#sessions li', (items) => items.map((item) => item.textContent))
      assert.equal(lines.length, 2, lines.join('; '))
      assert.equal(lines.filter((line) => /^public 127\.0\.0\.1 \(this one\)$/.test(line)).length, 1, lines.join('; '))

      assert.equal(await send(first, 'DELETE /user/sessions'), 204)
      assert.equal(await send(there, 'GET /user/sessions'), 401)
      assert.ok(await there.isVisible('#signed-out'))
      await elsewhere.close()
    },

    async 'signing out in one tab signs out the other'() {
      await picture(first, 'signed-in')
      assert.equal(await send(first, 'POST /logout'), 204)
      assert.equal(await session(), undefined)
      responses.length = 0

      await second.reload()
      await second.evaluate(() => window.ready)
      assert.ok(await second.isVisible('#signed-out'))
      expectResponses(['GET / 200', 'GET /verify 401'])
    },

    async 'sign in with the authenticator app, each code once'() {
      const { now } = await askTest('/advance', { seconds: 60 })
      const code = authenticator(otpauth, now, 0)

      await signIn(first, 'POST /login/totp', { email, code })
      assert.equal(await send(first, 'POST /logout'), 204)
      assert.equal(await send(first, 'POST /login/totp', { email, code }), 400)
      assert.ok(await first.isVisible('#signed-out'))
    },

    async 'sign in with a code by SMS'() {
      const before = (await askTest('/inbox')).find(({ to }) => to === person.phone).code
      assert.equal(await send(first, 'GET /login/sms', { phone: person.phone }), 204)
      await signIn(first, 'POST /login/sms', { phone: person.phone, code: await codeFor(person.phone, before) })
      assert.match(await first.textContent('#history'), / sms$/)
    },

    async 'the password is reset from the inbox'() {
      const there = await tab(await browser.newContext({ locale: 'en' }))
      const before = (await askTest('/inbox')).find(({ to, code }) => to === email && code !== '').code
      assert.equal(await send(there, 'GET /forget_code', { email }), 204)

      const code = await codeFor(email, before)
      assert.equal(await send(there, 'POST /forget_reset', { email, code, password: person.reset }), 204)
      assert.equal(await send(first, 'GET /user/sessions'), 401, 'a session outlived the reset')
      assert.equal(await send(there, 'POST /login', { email, password }), 400)

      password = person.reset
      await signIn(there, 'POST /login', { email, password })
      await there.context().close()
    },

    async 'the password is changed'() {
      await signIn(first, 'POST /login', { email, password })
      assert.equal(await send(first, 'POST /user/password', { old: password, password: person.changed }), 204)
      assert.equal(await send(first, 'GET /user/sessions'), 200, 'the session that changed it ended')
      await expectCookies()
    },

    'no page had an error'() {
      assert.deepEqual(failures, [])
    },
  },
  () => browser.close(),
)

/** Reloads the data of the page and checks the address. */
async function refreshed(address) {
  await first.evaluate(() => window.refill())
  assert.equal(await first.textContent('#email'), address)
}

function expectResponses(wanted) {
  assert.deepEqual(responses.splice(0), wanted)
}

async function readable(where) {
  return where.evaluate(() =>
    document.cookie
      .split('; ')
      .map((one) => one.split('=')[0])
      .sort(),
  )
}

async function session() {
  return (await context.cookies(gateway)).find(({ name }) => name === '__Host-TOKEN')?.value
}

/** Checks R-H1 and the contract's "cookies and XSRF". */
async function expectCookies() {
  const held = Object.fromEntries((await context.cookies(gateway)).map((one) => [one.name, one]))
  const host = new URL(gateway).hostname
  const hours = (one) => Math.round((one.expires - Date.now() / 1000) / 3600)

  const form = ({ domain, path, httpOnly, secure, sameSite }) => ({ domain, path, httpOnly, secure, sameSite })
  const hidden = { domain: host, path: '/', httpOnly: true, secure: true, sameSite: 'Lax' }
  const shown = { domain: input.domain || host, path: '/', httpOnly: false, secure: true, sameSite: 'Strict' }

  assert.deepEqual(Object.fromEntries(Object.entries(held).map(([name, one]) => [name, form(one)])), {
    '__Host-TOKEN': hidden,
    '__Host-DEVICE': hidden,
    'XSRF-TOKEN': shown,
    XSRF_TOKEN: shown,
  })
  assert.equal(hours(held['__Host-TOKEN']), 2)
  assert.equal(hours(held['__Host-DEVICE']), 400 * 24)
  assert.equal(hours(held['XSRF-TOKEN']), 24)
  assert.equal(held['XSRF-TOKEN'].value, held.XSRF_TOKEN.value)

  assert.deepEqual(await readable(first), ['XSRF-TOKEN', 'XSRF_TOKEN'])
  assert.equal(await first.evaluate(async () => (await cookieStore.get('__Host-TOKEN')) ?? null), null)
  const everything = await first.evaluate(
    () => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage }) + document.documentElement.outerHTML,
  )
  assert.ok(!everything.includes(held['__Host-TOKEN'].value), 'the page knows the session')
}
