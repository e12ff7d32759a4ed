// An administrator's work in the console: approving waiting accounts, unlocking users, reading the audit log.
import assert from 'node:assert/strict'
import { join } from 'node:path'

import {
  browser,
  button,
  dialog,
  failures,
  field,
  heading,
  page,
  row,
  expectText,
  settled,
  signIn,
  signOut,
  timeZone,
  visit,
} from './admin-page.mjs'
import { checkOverlay, checkPage, faults, views } from './accessibility.mjs'
import { runParts, authenticator, askTest, eventually, input } from './input.mjs'

const { gateway, people, password } = input

let otpauth

/** Returns the next code of the authenticator app, because none is valid twice. */
async function nextCode() {
  const { now } = await askTest('/advance', { seconds: 30 })

  return authenticator(otpauth, now, 0)
}

await runParts(
  {
    async 'while no one is signed in, the sign-in page replaces the requested one'() {
      await page.goto(`${gateway}/console/queue`)
      await heading('Sign in to the console').waitFor()
      await checkPage(page, 'sign-in')

      await signIn('nobody@konec.com.au')
      const alert = page.getByRole('alert')
      await alert.waitFor()
      assert.match(await alert.textContent(), /password.*Request ID [A-Z0-9]{24}/is)
    },

    async 'an administrator signs in, and is on the requested page'() {
      await signIn(people.administrator)
      await heading('Approval queue').waitFor()
      assert.equal(new URL(page.url()).pathname, '/console/queue')
      await row(people.waiting[2]).waitFor()
      await checkPage(page, 'queue')
    },

    async 'accounts are approved with the keyboard only'() {
      await field('Assign to').selectOption('Member')
      const boxes = page.locator('tbody input[type=checkbox]')
      await boxes.first().focus()
      await page.keyboard.press('Space')
      await page.keyboard.press('Shift+ArrowDown')
      await button('Assign 2 accounts').waitFor()
      await page.keyboard.press('Control+Enter')
      await expectText('2 accounts are now in Member.')
      await row(people.waiting[0]).waitFor({ state: 'detached' })
      assert.equal(await boxes.count(), 2)
    },

    async 'a change whose response is lost is repeated under its key, and happens once'() {
      const keys = []
      page.on('request', (request) => {
        if (request.url().endsWith('/assign-group')) {
          keys.push(request.headers()['idempotency-key'])
        }
      })
      await page.evaluate(() => {
        const send = window.fetch
        window.fetch = async (request) => {
          const response = await send(request)
          if (request.url.endsWith('/assign-group')) {
            window.fetch = send
            throw new TypeError('the line went dead')
          }

          return response
        }
      })

      await row(people.waiting[2]).getByRole('checkbox').check()
      await field('Assign to').selectOption('Tester')
      await button('Assign 1 account').click()
      await expectText('The server did not respond')
      await button('Assign 1 account').click()
      await expectText('1 account is now in Tester.')
      assert.equal(keys.length, 2)
      assert.equal(keys[0], keys[1])
    },

    async 'someone else was faster: each account has its own outcome'() {
      await row(people.raced).getByRole('checkbox').check()
      await field('Assign to').selectOption('Member')
      await askTest('/race', { email: people.raced })
      await button('Assign 1 account').click()
      await expectText('1 account was not changed:')
      await expectText('someone else has changed it')
    },

    async 'the overview shows what is waiting'() {
      await visit('/', 'Overview')
      await expectText('Waiting for approval')
      await checkPage(page, 'overview')
    },

    async 'charts count by the days of the reader, and exist as a table'() {
      await page.getByRole('img', { name: /^Failed sign-ins: \d+\. Most: 17 on / }).waitFor()
      await page.getByText('Show as table').press('Enter')
      const day = new Date(input.failedAt).toLocaleDateString('en-GB', { timeZone, day: 'numeric', month: 'short' })
      const cells = page.getByRole('table', { name: 'Last 30 days' }).getByRole('row').filter({ hasText: day })
      assert.equal(await cells.getByRole('cell').nth(1).textContent(), '17')
      await checkOverlay(page, 'statistics')
    },

    async 'on a phone the navigation is behind a button'() {
      await page.setViewportSize({ width: 390, height: 844 })
      await button('Open navigation').click()
      await checkOverlay(page, 'navigation')
      await page.setViewportSize({ width: 390, height: 844 })
      await page.getByRole('navigation').getByRole('link', { name: 'Groups' }).click()
      await heading('Groups').waitFor()
      await button('Open navigation').waitFor()
    },

    async 'one search field finds an account by any of its values'() {
      await visit('/accounts', 'Accounts')
      await checkPage(page, 'accounts')

      for (const text of ['138', people.lockedOutID, 'est per', people.lockedOut.slice(2), people.lockedOut]) {
        await field('E-mail, phone, ID or name').fill(text)
        await page.keyboard.press('Enter')
        await page.waitForURL((url) => url.searchParams.get('text') === text)
        await row(people.lockedOut).waitFor()
      }

      await button('Count all').click()
      await expectText('1 account')
    },

    async 'why a user cannot sign in, and what helps'() {
      await row(people.lockedOut).getByRole('link').click()
      await expectText('Too many failed attempts (password).')
      await settled()
      await row('Limit reached')
        .filter({ hasText: /limit: failures in a row · until: \d+ \w+ \d+, [\d:]+(?!.*Z)/ })
        .waitFor()
      await checkPage(page, 'account')
      await button('Unlock').click()
      await expectText('The user can try again now.')
      await expectText('No sign-in problem found.')
    },

    async 'their sessions end'() {
      await page
        .getByRole('table', { name: 'Sessions' })
        .getByRole('row', { name: /ToolkitStudio/ })
        .waitFor()
      await button('End all sessions').click()
      await checkOverlay(page, 'confirmation')
      await button('End all sessions', dialog()).click()
      await expectText('No active sessions.')
    },

    async 'an account is disabled with a reason, which the timeline shows, and enabled'() {
      await button('Disable account').click()
      await field('Reason', dialog()).fill('lost laptop')
      await button('Disable account', dialog()).click()
      await expectText('The account is disabled.')
      await expectText('reason: lost laptop')
      await button('Enable account').first().click()
      await button('Enable account', dialog()).click()
      await expectText('No sign-in problem found.')
    },

    async 'a password is reset, and the stored data is exported'() {
      await button('Reset: Password').click()
      await button('Reset', dialog()).click()
      await expectText('No password is set.')

      const download = page.waitForEvent('download')
      await button('Export personal data').click()
      assert.equal((await download).suggestedFilename(), `account-${people.lockedOutID}.json`)
    },

    async 'an unknown account is shown as missing'() {
      await visit(`/accounts/${'0'.repeat(24)}`, 'Account not found')
    },

    async 'a user is invited'() {
      await visit('/accounts', 'Accounts')
      await button('New account').click()
      await field('E-mail', dialog()).fill('invited@konec.com.au')
      await field('Name', dialog()).fill('Ivy Invited')
      await button('New account', dialog()).click()
      await heading('Ivy Invited').waitFor()
      await expectText('Invitation')
    },

    async 'a group is created, changed after someone else, and deleted'() {
      await visit('/groups', 'Groups')
      await checkPage(page, 'groups')
      await button('New group').click()
      await field('Name', dialog()).fill('Partner')
      await field('View accounts', dialog()).check()
      await checkOverlay(page, 'group-editor')
      await button('Save', dialog()).click()
      await expectText('Created.')

      await button('Change the group Partner').click()
      await askTest('/rename', { group: 'Partner', description: 'written meanwhile' })
      await field('Description', dialog()).fill('too late')
      await button('Save', dialog()).click()
      await expectText('You now see the latest version.')
      await eventually(
        'the other description',
        async () => (await field('Description', dialog()).inputValue()) === 'written meanwhile',
      )
      await field('Description', dialog()).fill('in time')
      await button('Save', dialog()).click()
      await row('in time').waitFor()

      await button('Delete the group Partner').click()
      await button('Delete', dialog()).click()
      await row('Partner').waitFor({ state: 'detached' })

      await button('Delete the group Member').click()
      await button('Delete', dialog()).click()
      await dialog().getByRole('alert').waitFor()
      await button('Cancel', dialog()).click()
    },

    async 'the changes are in the audit log'() {
      await visit('/audit', 'Audit log')
      await row('Signed in').first().waitFor()
      await checkPage(page, 'audit')
      await field('Action').selectOption('account.disabled')
      await row('lost laptop')
        .getByRole('button', { name: /^Details/ })
        .click()
      await dialog().getByRole('link', { name: people.lockedOutID }).waitFor()
      await checkOverlay(page, 'event')
      await button('Close', dialog()).click()
    },

    async 'why a mail did not arrive'() {
      await visit('/deliveries', 'Deliveries')
      await field('State').selectOption('refused')
      await row('550 mailbox unavailable').waitFor()
      await checkPage(page, 'deliveries')
      await visit('/nowhere', 'Page not found')
      await checkPage(page, 'missing')
    },

    async 'what holds now is listed, and lifted after a confirmation'() {
      await visit('/limits', 'Limits')
      await row('wrong reset codes of all users in a day').getByText('2,500 of 3,333').waitFor()
      const held = row(people.held)
      await held.getByText('failures in a row (password)').waitFor()
      await held.getByText('Unknown devices').waitFor()
      assert.match(await held.getByRole('link').getAttribute('href'), new RegExp(`/console/accounts/${people.heldID}$`))
      await row('198.51.100.77').getByText('Network', { exact: true }).waitFor()
      await checkPage(page, 'limits')

      await button(`Lift: ${people.held}`).click()
      await checkOverlay(page, 'lift')
      await button('Lift', dialog()).click()
      await expectText('Lifted.')
      await held.waitFor({ state: 'detached' })

      await button('Lift: wrong reset codes of all users in a day').click()
      await button('Lift', dialog()).click()
      await row('wrong reset codes of all users in a day').getByText('0 of 3,333').waitFor()
    },

    async 'a user binds an authenticator app and receives recovery codes'() {
      await visit('/profile', 'My account')
      await checkPage(page, 'profile')
      const made = page.waitForResponse('**/user/totp')
      await button('Bind an authenticator app').click()
      otpauth = (await (await made).json()).totp
      await eventually('the QR code', () =>
        dialog()
          .getByRole('img', { name: /^QR code/ })
          .evaluate((image) => image.complete && image.naturalWidth > 0),
      )
      await checkOverlay(page, 'binding')
      const { now } = await askTest('/advance', { seconds: 0 })
      // The current code and the next one are accepted even if a step ends before they arrive.
      await field('First code').fill(authenticator(otpauth, now, 0))
      await field('Second code').fill(authenticator(otpauth, now, 1))
      await button('Bind', dialog()).click()
      await page.getByText('Bound.', { exact: true }).waitFor()
      await expectText('Save these recovery codes')
      assert.equal(await dialog().getByRole('listitem').count(), 10)
      await button('I have saved them').click()
    },

    async 'after an old sign-in the password is required again, and the change continues'() {
      await askTest('/advance', { seconds: 16 * 60 })
      await button('Create recovery codes').click()
      await expectText('This change takes a fresh sign-in.')
      await checkOverlay(page, 'reauthentication')
      await field('Password', dialog()).first().fill(password)
      await button('Continue').click()
      await button('I have saved them').click()
    },

    async 'a group requires the second factor, and the sign-in has two steps'() {
      await visit('/groups', 'Groups')
      await button('Change the group Admin').click()
      await dialog().getByRole('switch', { name: 'Require a second factor at sign-in' }).check()
      await button('Save', dialog()).click()
      await expectText('Changed.')

      // The session was opened with one factor: its rights need both from now on.
      await heading('Second factor needed').waitFor()
      await checkPage(page, 'unconfirmed')
      await button('Confirm').click()
      await field('Password', dialog()).first().fill(password)
      await button('Continue').click()
      await expectText('Enter a code of your authenticator app, too.')
      await checkOverlay(page, 'both-factors')
      await field('Authenticator code or recovery code', dialog()).fill(await nextCode())
      await button('Continue').click()
      await heading('Groups').waitFor()
      await signOut()

      await signIn(people.administrator)
      await heading('Second factor').waitFor()
      await checkPage(page, 'second-factor')
      await field('Authenticator code or recovery code').fill(await nextCode())
      await button('Verify').click()
      await heading('Groups').waitFor()
      await signOut()

      await page.getByText('Code', { exact: true }).click()
      await field('E-mail address').fill(people.administrator)
      await field('Authenticator code').fill(await nextCode())
      await button('Sign in').click()
      await expectText('The code is wrong or no longer valid.')

      await page.getByText('Password', { exact: true }).first().click()
      await signIn(people.administrator)
      await field('Authenticator code or recovery code').fill(await nextCode())
      await button('Verify').click()
      await heading('Groups').waitFor()
    },

    async 'the console switches to Chinese and remembers it'() {
      await button('Language').click()
      await page.getByRole('menuitemradio', { name: '中文' }).click()
      await heading('成员组').waitFor()
      await visit('/queue', '审批队列')
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN')
      await checkPage(page, 'queue-zh')
      await button('语言').click()
      await page.getByRole('menuitemradio', { name: 'English' }).click()
    },

    async 'a user without rights sees their own account and nothing else'() {
      await signOut()
      await signIn(people.member)
      await heading('Not permitted').waitFor()
      await visit('/', 'You have no administrative rights yet')
      await checkPage(page, 'no-rights')
      assert.deepEqual(await page.getByRole('navigation').getByRole('link').allTextContents(), ['My account'])
      await visit('/accounts', 'Not permitted')
      await visit('/profile', 'My account')
    },

    async 'a user who may only read sees no controls for changes'() {
      await signOut()
      await signIn(people.reader)
      await heading('My account').waitFor()
      await visit('/queue', 'Approval queue')
      assert.equal(await page.getByRole('checkbox').count(), 0)
      await visit('/groups', 'Groups')
      assert.equal(await button('New group').count(), 0)
      await visit('/limits', 'Limits')
      await expectText('Only waits of accounts are shown.')
      assert.equal(await page.getByRole('button', { name: /^Lift/ }).count(), 0)
      assert.equal(await row('198.51.100.77').count(), 0)
      await visit(`/accounts/${people.lockedOutID}`, 'Test Person')
      assert.equal(await page.getByRole('button', { name: /Disable|Reset|End|Change|Export|Delete/ }).count(), 0)
      await visit('/audit', 'Not permitted')
      await checkPage(page, 'forbidden')
    },

    async 'a session that was ended elsewhere leads to the sign-in page'() {
      await visit('/accounts', 'Accounts')
      await askTest('/end', { email: people.reader })
      // The next request of the page gets a 401, even if the page makes it by itself.
      await button('Count all').or(heading('Sign in to the console')).click()
      await heading('Sign in to the console').waitFor()
    },

    async 'the policy refused nothing, no script failed, and every page is accessible'() {
      assert.deepEqual([...failures, ...faults], [])
      console.log(`${views.count} views in ${views.milliseconds} ms, in ${input.pictures}`)
    },
  },
  async () => {
    if (process.exitCode) {
      await page.screenshot({ path: join(input.pictures, 'failure.png') })
    }
    await browser.close()
  },
)
