import type { Right } from '@konec/toolkit-gateway'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import { Route, Routes } from 'react-router'

import { keepSignedIn, meKey } from './gateway'
import { MeContext, useMay, useMe, whoAmI } from './me'
import { AccountPage } from './pages/account'
import { AccountsPage } from './pages/accounts'
import { AuditPage } from './pages/audit'
import { DeliveriesPage } from './pages/deliveries'
import { ForbiddenPage } from './pages/forbidden'
import { GroupsPage } from './pages/groups'
import { LimitsPage } from './pages/limits'
import { MissingPage } from './pages/missing'
import { OverviewPage } from './pages/overview'
import { ProfilePage } from './pages/profile'
import { QueuePage } from './pages/queue'
import { SignInPage } from './pages/sign-in'
import { UnconfirmedPage } from './pages/unconfirmed'
import { FailureNote } from './parts/failure'
import { Identity } from './parts/identity'
import { Loading } from './parts/loading'
import { Shell } from './parts/shell'

/** While no one is signed in, the sign-in page replaces every other, so that users return to where they were. */
export function App() {
  const me = useQuery({ queryKey: meKey, queryFn: whoAmI, staleTime: 60_000 })
  const signedIn = Boolean(me.data)

  useEffect(() => (signedIn ? keepSignedIn() : undefined), [signedIn])

  if (me.isPending) {
    return <Loading page />
  }
  if (me.data === undefined) {
    return <FailureNote failure={me.error} retry={() => void me.refetch()} page />
  }
  if (me.data === null) {
    return <SignInPage />
  }

  return (
    <MeContext value={me.data}>
      <Shell>
        <Routes>
          <Route index element={<Needs right={undefined} page={<OverviewPage />} />} />
          <Route path="queue" element={<Needs right="accounts.read" page={<QueuePage />} />} />
          <Route path="accounts" element={<Needs right="accounts.read" page={<AccountsPage />} />} />
          <Route path="accounts/:id" element={<Needs right="accounts.read" page={<AccountPage />} />} />
          <Route path="groups" element={<Needs right="accounts.read" page={<GroupsPage />} />} />
          <Route path="audit" element={<Needs right="audit.read" page={<AuditPage />} />} />
          <Route path="deliveries" element={<Needs right="accounts.read" page={<DeliveriesPage />} />} />
          <Route path="limits" element={<Needs right="accounts.read" page={<LimitsPage />} />} />
          <Route path="profile" element={<ProfilePage />} />
          <Route path="*" element={<MissingPage />} />
        </Routes>
      </Shell>
      <Identity />
    </MeContext>
  )
}

/** A page for users who have a right, or any right at all. */
function Needs({ right, page }: { right: Right | undefined; page: ReactNode }) {
  const { rights, unconfirmed } = useMe()
  const may = useMay(right ?? 'accounts.read')

  if (unconfirmed) {
    return <UnconfirmedPage />
  }

  return (right === undefined ? rights.length > 0 : may) ? page : <ForbiddenPage right={right} />
}
