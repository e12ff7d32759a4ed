// What pages show and reveal: frames, payloads in a profile, the Referer.
import assert from 'node:assert/strict'

import { quiet } from './forgery.mjs'
import { askTest, eventually, input } from './input.mjs'

const paths = ['/', '/user', '/docs', '/console', '/dev/inbox', '/openapi.json', '/nothing', '/user/totp/qr']

/** No page can frame the gateway, not even the console. */
export async function framesStayEmpty(context) {
  for (const origin of [input.attackerSite, input.neighbour, new URL(input.console).origin]) {
    const page = await context.newPage()
    await page.goto(`${origin}/attacker.html`)
    const urls = [`${origin}/attacker.html`, ...paths.map((path) => input.gateway + path)]
    await page.evaluate((list) => {
      for (const src of list) {
        document.body.append(Object.assign(document.createElement('iframe'), { src }))
      }
    }, urls)
    await eventually(
      'the frames',
      () => page.frames().length === urls.length + 1 && page.frames().every((frame) => frame.url() !== ''),
    )

    const [, shown, ...refused] = page.frames().map((frame) => frame.url())
    assert.equal(shown, urls[0], 'this page frames nothing at all')
    assert.deepEqual(
      refused,
      paths.map(() => 'chrome-error://chromewebdata/'),
      `framed by ${origin}`,
    )
    await page.close()
  }
}

const payloads = [
  '<img src=x onerror=hit(1)>',
  '"><svg/onload=hit(2)>',
  "'><script>hit(3)</script>",
  '{{constructor.constructor("hit(4)")()}}',
]

/** A profile full of scripts is shown as text, and no document of the gateway runs one. */
export async function payloadsStayText(context, victim, ask, hits) {
  for (const payload of payloads) {
    assert.equal((await ask('PATCH', '/user', { key: 'name', name: payload })).status, 204)
    assert.equal((await ask('PATCH', '/user', { key: 'avatar', avatar: payload })).status, 400)

    await victim.reload()
    await victim.evaluate(() => window.ready)
    assert.equal(await victim.textContent('#name'), payload)
    assert.equal(await victim.$eval('#name', (element) => element.childElementCount), 0)
  }

  const page = await context.newPage()
  for (const payload of payloads.slice(0, 2)) {
    const query = encodeURIComponent(payload)
    for (const path of [
      '/user',
      `/nothing/${query}`,
      `/options?type=${query}`,
      `/lark?${query}`,
      `/user?${query}`,
      `/forget_code?email=${query}`,
    ]) {
      const response = await page.goto(input.gateway + path)
      assert.match(response.headers()['content-type'], /^application\/json\b/, path)
      assert.equal(await page.evaluate(() => document.querySelectorAll('script, svg, img').length), 0, path)
    }
    for (const path of ['/dev/inbox', `/confirm_email?token=${query}`, `/confirm_email?error=${query}`, `/first_run?token=${query}`, `/reset?token=${query}`, `/sign-up?error=${query}`]) {
      await page.goto(input.gateway + path)
    }
  }

  assert.deepEqual(hits, [])

  // The counter works: in a page that allows it, the first payload runs.
  await page.goto(`${input.attackerSite}/attacker.html`)
  await page.evaluate((payload) => (document.body.innerHTML = payload), payloads[0])
  await page.waitForFunction(() => document.images[0]?.complete)
  await quiet()
  assert.deepEqual(hits.splice(0), [1])
  await page.close()
}

/** The site that follows the gateway does not learn which page the user came from. */
export async function nothingLeaks(context) {
  const page = await context.newPage()
  for (const path of ['/docs?secret=1', '/dev/inbox?secret=1', '/user?secret=1']) {
    await page.goto(input.gateway + path)
    await page.evaluate((to) => (location.href = to), `${input.attackerSite}/attacker.html?from=${path}`)
    await page.waitForURL((url) => url.origin === input.attackerSite)
  }

  // The console sends users to Lark through the gateway.
  await page.goto(`${input.console}#secret`)
  await page.evaluate(
    (to) => (location.href = to),
    `${input.gateway}/lark/authorize?${new URLSearchParams({ state: '{"action":"login"}', app_id: 'secret' })}`,
  )
  await page.waitForURL((url) => url.origin === input.attackerSite)
  await page.close()
  await askTest('/begin')
}
