import type { AdminAccount } from '@konec/toolkit-gateway'

import { Copyable } from '../../parts/copyable'
import { Section } from '../../parts/page'
import { type Fact, Facts, Panel } from '../../parts/panel'
import { When } from '../../parts/when'
import { useWords } from '../../words'

export function FactsOf({ account }: { account: AdminAccount }) {
  const words = useWords()

  return (
    <Panel>
      <Section title={words.account.facts}>
        <Facts
          label={words.account.facts}
          facts={[
            [words.account.id, <Copyable key="id" text={account.id} />],
            [words.account.email, account.email],
            [words.account.phone, account.phone || words.none],
            [words.account.created, <When key="created" at={account.createdAt} />],
            [words.account.lastSignIn, <When key="signed-in" at={account.lastSignInAt} />],
            [words.account.lastSeen, <When key="seen" at={account.lastSeenAt} />],
            [words.account.signIns, account.signIns],
            ...(account.erasedAt ? [[words.account.erased, <When key="erased" at={account.erasedAt} />] as Fact] : []),
          ]}
        />
      </Section>
    </Panel>
  )
}
