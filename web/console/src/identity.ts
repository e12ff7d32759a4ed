import { useSyncExternalStore } from 'react'

import { Failure } from './gateway'

/** What waits until the user has confirmed that it is them. */
interface Asked {
  settle: (confirmed: boolean) => void
}

let asked: Asked | undefined
let waiting: Promise<boolean> | undefined
const listeners = new Set<() => void>()

function set(next: Asked | undefined) {
  asked = next
  for (const listener of [...listeners]) {
    listener()
  }
}

function subscribe(listener: () => void) {
  listeners.add(listener)

  return () => listeners.delete(listener)
}

/** What waits for the user, undefined for nothing. */
export function useAsked(): Asked | undefined {
  return useSyncExternalStore(subscribe, () => asked)
}

/** Asks the user to confirm that it is them; false if they do not. Several changes wait for one answer. */
export function confirmIdentity(): Promise<boolean> {
  waiting ??= new Promise<boolean>((resolve) => {
    set({
      settle: (confirmed) => {
        set(undefined)
        waiting = undefined
        resolve(confirmed)
      },
    })
  })

  return waiting
}

/** Whether the gateway wants the session to be confirmed first. */
export function needsConfirmation(failure: unknown): boolean {
  return failure instanceof Failure && (failure.code === 'REAUTH_REQUIRED' || failure.code === 'TWO_FACTORS_REQUIRED')
}

/** Makes a request, and makes it once more if the user has confirmed the session that it needs. */
export async function confirmed<R>(make: () => Promise<R>): Promise<R> {
  try {
    return await make()
  } catch (failure) {
    if (!needsConfirmation(failure) || !(await confirmIdentity())) {
      throw failure
    }

    return make()
  }
}
