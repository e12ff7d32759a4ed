// The page of an administrator's browser, and locators of what is on it.
import { launch } from './chromium.mjs'
import { eventually, input } from './input.mjs'

const { gateway, password } = input

export const timeZone = 'Australia/Melbourne'
export const browser = await launch(input)
const context = await browser.newContext({ locale: 'en', timezoneId: timeZone, reducedMotion: 'reduce' })
export const page = await context.newPage()
page.setDefaultTimeout(30_000) // for a machine that is busy with other work

/** The errors of the page, including what its policy refused. */
export const failures = []
page.on('pageerror', (failure) => failures.push(`${failure}`))
page.on('console', (message) => {
  if (/Content.Security.Policy|Warning:|violates/i.test(message.text())) {
    failures.push(message.text())
  }
})

export const button = (name, where = page) => where.getByRole('button', { name, exact: true })
export const field = (name, where = page) => where.getByLabel(name)
export const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true })
export const dialog = () => page.getByRole('dialog')
export const row = (text) => page.getByRole('row').filter({ hasText: text })
export const expectText = (text) => page.getByText(text).first().waitFor()

/** Waits until the page has no request under way. */
export async function settled() {
  await eventually(
    'the requests of the page',
    async () => (await page.locator('[aria-busy=true], [role=status] .mantine-Loader-root').count()) === 0,
  )
}

export async function visit(path, name) {
  await page.goto(`${gateway}/console${path}`)
  await heading(name).waitFor()
  await settled()
}

export async function signIn(email) {
  await field('E-mail address').fill(email)
  await page.locator('input[type=password]').fill(password)
  await button('Sign in').click()
}

export async function signOut() {
  await page.getByRole('button', { name: /^Account menu/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await heading('Sign in to the console').waitFor()
}
