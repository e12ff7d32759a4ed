// An attacker and a neighbour try everything on a user who is signed in at the console. The Go test checks the database
// after each step, and every response.
import assert from 'node:assert/strict'

import { launch } from './chromium.mjs'
import { neighbourTossesCookies } from './cookies.mjs'
import { forgeEverything, quiet, redirectItsLinks, steerTheConsole, watch } from './forgery.mjs'
import { framesStayEmpty, nothingLeaks, payloadsStayText } from './page.mjs'
import { runParts, askTest, input } from './input.mjs'

const browser = await launch(input)
const context = await browser.newContext({ locale: 'en' })
const hits = []
await context.exposeFunction('hit', (what) => hits.push(what))
watch(context)

const victim = await context.newPage()

await runParts(
  {
    async 'a user signs in at the console'() {
      await victim.goto(input.console)
      await victim.evaluate(() => window.ready)
      const { email, password } = input.victim
      assert.equal((await ask('POST', '/login', { email, password })).status, 204)
      await victim.evaluate(() => window.enter())
      await askTest('/begin')
    },

    'forged requests of another site': () => forgeEverything(context, input.attackerSite, input.targets),
    'forged requests of the same site': () =>
      forgeEverything(context, input.neighbour, input.targets, ({ method }) => method === 'GET'),
    'windows of the console, steered': () => steerTheConsole(context),
    'links of the console, redirected': () => redirectItsLinks(context),
    'frames stay empty': () => framesStayEmpty(context),

    async 'the console still works, at the first attempt'() {
      await expectWork('PATCH', '/user', { key: 'name', name: 'Works On' })
    },

    async 'tossed cookies are not adopted'() {
      await neighbourTossesCookies(context, ask)
      await askTest('/settled', { after: 'tossed cookies' })
      await expectWork('PATCH', '/user', { key: 'name', name: 'After The Toss' })
    },

    'payloads stay text': () => payloadsStayText(context, victim, ask, hits),
    'nothing leaks by Referer': () => nothingLeaks(context),

    async 'forged requests of old browsers'() {
      await askTest('/begin')
      await askTest('/old', { is: true })
      // Old browsers do not send the headers that protect a GET with side effects. The pages behind mailed links are
      // protected by their token; a made-up one counts as a failed attempt of the network of the user whose browser sends it.
      const changing = input.targets
        .filter(({ id, method }) => method !== 'GET' && !['resetWithLink', 'registerWithLink'].includes(id))
        .map((target) => ({ ...target, changesOnly: true }))
      await forgeEverything(context, input.attackerSite, changing)
      await forgeEverything(context, input.neighbour, changing, () => false)
      await askTest('/old', { is: false })
    },

    async 'the console still works, at the second attempt at the latest'() {
      await ask('PATCH', '/user', { key: 'name', name: 'Once More' })
      await askTest('/begin')
      await expectWork('PATCH', '/user', { key: 'name', name: 'Still There' })
      assert.deepEqual(hits, [])
    },
  },
  () => browser.close(),
)

/** Sends a request as the console does. */
function ask(...request) {
  return victim.evaluate((arguments_) => window.ask(...arguments_), request)
}

/** Checks that the console's own request has an effect that the test notices. Otherwise no effect would prove nothing. */
async function expectWork(...request) {
  assert.equal((await ask(...request)).status, 204)
  await quiet()
  await askTest('/settled', { after: request.join(' '), changes: true })
}
