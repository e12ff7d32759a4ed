import { getAdministrator, getUser, type Right } from '@konec/toolkit-gateway'
import { createContext, use } from 'react'

import { ask, client, Failure } from './gateway'

/** The signed-in user, and the user's rights. */
export interface Me {
  id: string
  email: string
  name: string
  rights: Right[]
  /** Two factors are asked for, and the session was opened with one: no right may be used. */
  unconfirmed?: boolean
}

export const MeContext = createContext<Me>({ id: '', email: '', name: '', rights: [] })

export function useMe(): Me {
  return use(MeContext)
}

/** Whether the page shows what requires a right. The gateway checks by itself. */
export function useMay(right: Right): boolean {
  return useMe().rights.includes(right)
}

/** Returns the signed-in user, null for no one. A user without rights still has an account. */
export async function whoAmI(): Promise<Me | null> {
  try {
    const { account, rights } = await ask(getAdministrator({ client }))

    return { id: account.id, email: account.email, name: account.name, rights }
  } catch (failure) {
    if (!(failure instanceof Failure)) {
      throw failure
    }

    switch (failure.code) {
      case 'UNAUTHENTICATED':
      case 'TOKEN_INVALID':
        return null
      case 'RIGHT_MISSING':
      case 'TWO_FACTORS_REQUIRED': {
        const user = await ask(getUser({ client }))
        const unconfirmed = failure.code === 'TWO_FACTORS_REQUIRED'

        return { id: user._id, email: user.email, name: user.name, rights: [], unconfirmed }
      }
      default:
        throw failure
    }
  }
}
