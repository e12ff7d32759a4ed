// An administrator's day in the console: who waits is let in, who is locked out is helped, and what happened is read.
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
  says,
  settled,
  signIn,
  signOut,
  timeZone,
  visit,
} from './desk.mjs'
import { faults, glance, look, looked } from './look.mjs'
import { act, authenticator, backstage, eventually, stage } from './stage.mjs'

const { gateway, people, password } = stage

let otpauth

/** The next code that the app shows: none is good twice. */
async function nextCode() {
  const { now } = await backstage('/advance', { seconds: 30 })

  return authenticator(otpauth, now, 0)
}

await act(
  {
    async 'while no one is signed in, the sign-in page replaces the requested one'() {
      await page.goto(`${gateway}/console/queue`)
      await heading('Sign in to the console').waitFor()
      await look(page, 'sign-in')

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
      await look(page, 'queue')
    },

    async 'people are approved with the keyboard alone'() {
      await field('Assign to').selectOption('Member')
      const boxes = page.locator('tbody input[type=checkbox]')
      await boxes.first().focus()
      await page.keyboard.press('Space')
      await page.keyboard.press('Shift+ArrowDown')
      await button('Assign 2 accounts').waitFor()
      await page.keyboard.press('Control+Enter')
      await says('2 accounts are now in Member.')
      await row(people.waiting[0]).waitFor({ state: 'detached' })
      assert.equal(await boxes.count(), 2)
    },

    async 'a change whose answer is lost is repeated under its key, and happens once'() {
      const keys = []
      page.on('request', (request) => {
        if (request.url().endsWith('/assign-group')) {
          keys.push(request.headers()['idempotency-key'])
        }
      })
      await page.evaluate(() => {
        const send = window.fetch
        window.fetch = async (request) => {
          const answer = await send(request)
          if (request.url.endsWith('/assign-group')) {
            window.fetch = send
            throw new TypeError('the line went dead')
          }

          return answer
        }
      })

      await row(people.waiting[2]).getByRole('checkbox').check()
      await field('Assign to').selectOption('Tester')
      await button('Assign 1 account').click()
      await says('The server did not respond')
      await button('Assign 1 account').click()
      await says('1 account is now in Tester.')
      assert.equal(keys.length, 2)
      assert.equal(keys[0], keys[1])
    },

    async 'someone else was faster: each account has its own outcome'() {
      await row(people.raced).getByRole('checkbox').check()
      await field('Assign to').selectOption('Member')
      await backstage('/race', { email: people.raced })
      await button('Assign 1 account').click()
      await says('1 account was not changed:')
      await says('someone else has changed it')
    },

    async 'the overview shows what is waiting'() {
      await visit('/', 'Overview')
      await says('Waiting for approval')
      await look(page, 'overview')
    },

    async 'charts count by the days of the reader, and exist as a table'() {
      await page.getByRole('img', { name: /^Failed sign-ins: \d+\. Most: 17 on / }).waitFor()
      await page.getByText('Show as table').press('Enter')
      const day = new Date(stage.failedAt).toLocaleDateString('en-GB', { timeZone, day: 'numeric', month: 'short' })
      const cells = page.getByRole('table', { name: 'Last 30 days' }).getByRole('row').filter({ hasText: day })
      assert.equal(await cells.getByRole('cell').nth(1).textContent(), '17')
      await glance(page, 'statistics')
    },

    async 'on a phone the navigation is behind a button'() {
      await page.setViewportSize({ width: 390, height: 844 })
      await button('Open navigation').click()
      await glance(page, 'navigation')
      await page.setViewportSize({ width: 390, height: 844 })
      await page.getByRole('navigation').getByRole('link', { name: 'Groups' }).click()
      await heading('Groups').waitFor()
      await button('Open navigation').waitFor()
    },

    async 'one field finds an account by what is typed'() {
      await visit('/accounts', 'Accounts')
      await look(page, 'accounts')

      for (const [text, by] of [
        ['+86138', 'Phone'],
        [people.lockedOutID, 'Account ID'],
        ['Test Per', 'Name'],
        [people.lockedOut, 'E-mail'],
      ]) {
        await field('E-mail, phone, ID or name').fill(text)
        await page.keyboard.press('Enter')
        await says(`Searching by: ${by}`)
        await row(people.lockedOut).waitFor()
      }

      await button('Count all').click()
      await says('1 account')
    },

    async 'why a user cannot sign in, and what helps'() {
      await row(people.lockedOut).getByRole('link').click()
      await says('Too many failed attempts (password).')
      await settled()
      await row('Limit reached')
        .filter({ hasText: /limit: failures in a row · until: \d+ \w+ \d+, [\d:]+(?!.*Z)/ })
        .waitFor()
      await look(page, 'account')
      await button('Unlock').click()
      await says('The user can try again now.')
      await says('No sign-in problem found.')
    },

    async 'their sessions end'() {
      await page
        .getByRole('table', { name: 'Sessions' })
        .getByRole('row', { name: /ToolkitStudio/ })
        .waitFor()
      await button('End all sessions').click()
      await glance(page, 'confirmation')
      await button('End all sessions', dialog()).click()
      await says('No active sessions.')
    },

    async 'an account is disabled with a reason, which the timeline says, and enabled'() {
      await button('Disable account').click()
      await field('Reason', dialog()).fill('lost laptop')
      await button('Disable account', dialog()).click()
      await says('The account is disabled.')
      await says('reason: lost laptop')
      await button('Enable account').first().click()
      await button('Enable account', dialog()).click()
      await says('No sign-in problem found.')
    },

    async 'a password is reset, and what is kept is handed over'() {
      await button('Reset: Password').click()
      await button('Reset', dialog()).click()
      await says('No password is set.')

      const download = page.waitForEvent('download')
      await button('Export personal data').click()
      assert.equal((await download).suggestedFilename(), `account-${people.lockedOutID}.json`)
    },

    async 'an account that is not there is said to be missing'() {
      await visit(`/accounts/${'0'.repeat(24)}`, 'Account not found')
    },

    async 'a user is invited'() {
      await visit('/accounts', 'Accounts')
      await button('New account').click()
      await field('E-mail', dialog()).fill('invited@konec.com.au')
      await field('Name', dialog()).fill('Ivy Invited')
      await button('New account', dialog()).click()
      await heading('Ivy Invited').waitFor()
      await says('Invitation')
    },

    async 'a group is created, changed after someone else, and deleted'() {
      await visit('/groups', 'Groups')
      await look(page, 'groups')
      await button('New group').click()
      await field('Name', dialog()).fill('Partner')
      await field('View accounts', dialog()).check()
      await glance(page, 'group-editor')
      await button('Save', dialog()).click()
      await says('Created.')

      await button('Change the group Partner').click()
      await backstage('/rename', { group: 'Partner', description: 'written meanwhile' })
      await field('Description', dialog()).fill('too late')
      await button('Save', dialog()).click()
      await says('You now see the latest version.')
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

    async 'what happened is in the audit log'() {
      await visit('/audit', 'Audit log')
      await row('Signed in').first().waitFor()
      await look(page, 'audit')
      await field('Action').selectOption('account.disabled')
      await row('lost laptop')
        .getByRole('button', { name: /^Details/ })
        .click()
      await dialog().getByRole('link', { name: people.lockedOutID }).waitFor()
      await glance(page, 'event')
      await button('Close', dialog()).click()
    },

    async 'why a mail did not arrive'() {
      await visit('/deliveries', 'Deliveries')
      await field('State').selectOption('refused')
      await row('550 mailbox unavailable').waitFor()
      await look(page, 'deliveries')
      await visit('/nowhere', 'Page not found')
      await look(page, 'missing')
    },

    async 'one binds an authenticator app, and keeps recovery codes'() {
      await visit('/profile', 'My account')
      await look(page, 'profile')
      const made = page.waitForResponse('**/user/totp')
      await button('Bind an authenticator app').click()
      otpauth = (await (await made).json()).totp
      await eventually('the QR code', () =>
        dialog()
          .getByRole('img', { name: /^QR code/ })
          .evaluate((image) => image.complete && image.naturalWidth > 0),
      )
      await glance(page, 'binding')
      const codes = [await nextCode(), await nextCode()]
      await field('First code').fill(codes[0])
      await field('Second code').fill(codes[1])
      await button('Bind', dialog()).click()
      await says('Bound.')
      await button('Create recovery codes').click()
      await dialog().waitFor()
      assert.equal(await dialog().getByRole('listitem').count(), 10)
      await button('I have saved them').click()
    },

    async 'an old sign-in is asked for the password again, and continues'() {
      await backstage('/advance', { seconds: 16 * 60 })
      await button('Create recovery codes').click()
      await says('You signed in more than 15 minutes ago.')
      await glance(page, 'reauthentication')
      await field('Password', dialog()).first().fill(password)
      await button('Continue').click()
      await button('I have saved them').click()
    },

    async 'a group asks for the second factor, and the sign-in has two steps'() {
      await visit('/groups', 'Groups')
      await button('Change the group Admin').click()
      await dialog().getByRole('switch', { name: 'Require a second factor at sign-in' }).check()
      await button('Save', dialog()).click()
      await says('Changed.')
      await signOut()

      await signIn(people.administrator)
      await heading('Second factor').waitFor()
      await look(page, 'second-factor')
      await field('Authenticator code or recovery code').fill(await nextCode())
      await button('Verify').click()
      await heading('Groups').waitFor()
      await signOut()

      await page.getByText('Code', { exact: true }).click()
      await field('E-mail address').fill(people.administrator)
      await field('Authenticator code or recovery code').fill(await nextCode())
      await button('Sign in').click()
      await heading('Groups').waitFor()
    },

    async 'the console speaks Chinese, and remembers it'() {
      await button('Language').click()
      await page.getByRole('menuitemradio', { name: '中文' }).click()
      await heading('成员组').waitFor()
      await visit('/queue', '审批队列')
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN')
      await look(page, 'queue-zh')
      await button('语言').click()
      await page.getByRole('menuitemradio', { name: 'English' }).click()
    },

    async 'a user without rights sees their own account and nothing else'() {
      await signOut()
      await signIn(people.member)
      await heading('Not permitted').waitFor()
      await visit('/', 'You have no administrative rights yet')
      await look(page, 'no-rights')
      assert.deepEqual(await page.getByRole('navigation').getByRole('link').allTextContents(), ['My account'])
      await visit('/accounts', 'Not permitted')
      await visit('/profile', 'My account')
    },

    async 'a user who may only read is shown nothing to change'() {
      await signOut()
      await signIn(people.reader)
      await heading('My account').waitFor()
      await visit('/queue', 'Approval queue')
      assert.equal(await page.getByRole('checkbox').count(), 0)
      await visit('/groups', 'Groups')
      assert.equal(await button('New group').count(), 0)
      await visit(`/accounts/${people.lockedOutID}`, 'Test Person')
      assert.equal(await page.getByRole('button', { name: /Disable|Reset|End|Change|Export|Delete/ }).count(), 0)
      await visit('/audit', 'Not permitted')
      await look(page, 'forbidden')
    },

    async 'a session that was ended elsewhere leads to the sign-in page'() {
      await visit('/accounts', 'Accounts')
      await backstage('/end', { email: people.reader })
      // Whatever the page asks next finds it out, be it that it looks again by itself.
      await button('Count all').or(heading('Sign in to the console')).click()
      await heading('Sign in to the console').waitFor()
    },

    async 'nothing was refused by the policy, no script failed, and no one is kept out'() {
      assert.deepEqual([...failures, ...faults], [])
      console.log(`${looked.views} views in ${looked.milliseconds} ms, in ${stage.pictures}`)
    },
  },
  async () => {
    if (process.exitCode) {
      await page.screenshot({ path: join(stage.pictures, 'failure.png') })
    }
    await browser.close()
  },
)
