// A stranger and a neighbour try what they can on somebody who is signed in at the console. The Go test looks at the
// database after each step, and at every answer.
import assert from 'node:assert/strict'

import { launch } from './chromium.mjs'
import { neighbourTossesCookies } from './cookies.mjs'
import { forgeEverything, quiet, redirectItsLinks, steerTheConsole, watch } from './forgery.mjs'
import { framesStayEmpty, nothingLeaks, payloadsStayText } from './page.mjs'
import { act, backstage, stage } from './stage.mjs'

const browser = await launch(stage)
const context = await browser.newContext({ locale: 'en' })
const hits = []
await context.exposeFunction('hit', (what) => hits.push(what))
watch(context)

const victim = await context.newPage()

await act(
  {
    async 'somebody signs in at the console'() {
      await victim.goto(stage.console)
      await victim.evaluate(() => window.ready)
      const { email, password } = stage.victim
      assert.equal((await ask('POST', '/login', { email, password })).status, 204)
      await victim.evaluate(() => window.enter())
      await backstage('/begin')
    },

    'forged requests of another site': () => forgeEverything(context, stage.evil, stage.targets),
    'forged requests of the same site': () =>
      forgeEverything(context, stage.neighbour, stage.targets, ({ method }) => method === 'GET'),
    'windows of the console, steered': () => steerTheConsole(context),
    'links of the console, redirected': () => redirectItsLinks(context),
    'frames stay empty': () => framesStayEmpty(context),

    async 'the console works on, at the first attempt'() {
      await expectWork('PATCH', '/user', { key: 'name', name: 'Works On' })
    },

    async 'tossed cookies are not adopted'() {
      await neighbourTossesCookies(context, ask)
      await backstage('/settled', { after: 'tossed cookies' })
      await expectWork('PATCH', '/user', { key: 'name', name: 'After The Toss' })
    },

    'payloads stay text': () => payloadsStayText(context, victim, ask, hits),
    'nothing leaks by Referer': () => nothingLeaks(context),

    async 'forged requests of old browsers'() {
      await backstage('/begin')
      await backstage('/old', { is: true })
      // What a GET sends or mints is guarded by what such a browser does not say.
      const changing = stage.targets
        .filter(({ method }) => method !== 'GET')
        .map((target) => ({ ...target, changesOnly: true }))
      await forgeEverything(context, stage.evil, changing)
      await forgeEverything(context, stage.neighbour, changing, () => false)
      await backstage('/old', { is: false })
    },

    async 'the console works on, at the second attempt at the latest'() {
      await ask('PATCH', '/user', { key: 'name', name: 'Once More' })
      await backstage('/begin')
      await expectWork('PATCH', '/user', { key: 'name', name: 'Still There' })
      assert.deepEqual(hits, [])
    },
  },
  () => browser.close(),
)

/** Asks as the console does. */
function ask(...request) {
  return victim.evaluate((arguments_) => window.ask(...arguments_), request)
}

/** The console's own request has its effect, and the test sees it: or its silence would mean nothing. */
async function expectWork(...request) {
  assert.equal((await ask(...request)).status, 204)
  await quiet()
  await backstage('/settled', { after: request.join(' '), changes: true })
}
