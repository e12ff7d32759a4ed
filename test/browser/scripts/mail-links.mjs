// A user follows the links of mails with scripts turned off, in both languages. With scripts, which axe needs, each page is
// checked for accessibility.
import assert from 'node:assert/strict'

import { checkPage, faults, views } from './accessibility.mjs'
import { launch } from './chromium.mjs'
import { askTest, eventually, input, mailTo, runParts } from './input.mjs'

const { gateway, person } = input

const browser = await launch(input)
const plain = await (await browser.newContext({ locale: 'en', javaScriptEnabled: false })).newPage()
const checked = await (await browser.newContext({ locale: 'zh-CN', reducedMotion: 'reduce' })).newPage()

/** Asks for a mail with a link, as an app does, and returns the link. */
async function linkTo(to, path, language) {
  await askTest('/advance', { seconds: 61 })
  await askTest(path === '/reset' ? '/ask-reset' : '/ask-registration', { email: to, language })
  const links = () => askTest('/inbox').then((all) => all.filter((one) => one.to === to && one.link.includes(path)))
  const before = seen.get(to) ?? 0
  await eventually(`a mail to ${to}`, async () => (await links()).length > before)
  seen.set(to, before + 1)

  return (await links())[0].link // the newest
}

const seen = new Map()
const text = (page) => page.textContent('main')

await runParts(
  {
    async 'a reset: the page shows the address, and refuses two different passwords'() {
      await plain.goto(`${await linkTo(person.email, '/reset', 'en')}&utm_source=mail`)
      assert.equal(await plain.inputValue('#email'), person.email)
      assert.equal(await plain.locator('button').count(), 1)
      assert.equal(await plain.evaluate(() => document.scripts.length), 0)

      await plain.fill('#password', person.reset)
      await plain.fill('#repeat', `${person.reset}!`)
      await plain.click('button')
      assert.equal(await plain.textContent('.fault'), 'The two passwords do not match.')
    },

    async 'a reset: the button sets the password, and the link is used up'() {
      await plain.fill('#password', person.reset)
      await plain.fill('#repeat', person.reset)
      await plain.click('button')
      await plain.waitForURL(/\/reset\?changed=true$/)
      assert.match(await text(plain), /Your password was changed\./)

      await plain.goto((await mailTo(person.email, ({ link }) => link.includes('/reset'))).link)
      assert.match(await text(plain), /invalid or has expired.*choose to reset the password/s)
      assert.equal(await plain.locator('form').count(), 0)
    },

    async 'a registration: the page creates the account'() {
      await plain.goto(await linkTo(person.fresh, '/sign-up', 'en'))
      await plain.fill('#name', 'Fresh Person')
      await plain.fill('#password', 'password1')
      await plain.fill('#repeat', 'password1')
      await plain.click('button')
      assert.match(await plain.textContent('.fault'), /too common/)
      assert.equal(await plain.inputValue('#name'), 'Fresh Person')

      await plain.fill('#password', person.reset)
      await plain.fill('#repeat', person.reset)
      await plain.keyboard.press('Enter')
      await plain.waitForURL(/\/sign-up\?registered=true$/)
      assert.match(await text(plain), /Your account was created\./)
    },

    async 'every page is accessible, in Chinese too'() {
      await checked.goto(await linkTo(person.email, '/reset', 'zh'))
      assert.match(await text(checked), /设置新密码/)
      await checkPage(checked, 'reset')
      await checked.fill('#password', 'short')
      await checked.fill('#repeat', 'other')
      await checked.click('button')
      assert.equal(await checked.textContent('.fault'), '两次输入的密码不一致')
      await checkPage(checked, 'reset-again')

      await checked.goto(await linkTo(person.other, '/sign-up', 'zh'))
      assert.match(await text(checked), /完成注册/)
      await checkPage(checked, 'sign-up')

      for (const [path, name] of [
        ['/reset?changed=true', 'reset-done'],
        ['/reset?error=CODE_INVALID', 'reset-invalid'],
        ['/reset?error=TOO_MANY_REQUESTS', 'reset-limited'],
        ['/sign-up?registered=true', 'sign-up-done'],
        ['/sign-up?error=CODE_INVALID', 'sign-up-invalid'],
      ]) {
        await checked.goto(gateway + path)
        await checkPage(checked, name)
      }

      assert.deepEqual(faults, [])
      console.log(`${views.count} views`)
    },
  },
  () => browser.close(),
)
