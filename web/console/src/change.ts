import { useMutation } from '@tanstack/react-query'
import { useRef } from 'react'

import { Failure, memory } from './gateway'
import { confirmed } from './identity'

/**
 * A change. `make` receives an idempotency key, which stays the same while the same change is repeated after
 * an outage, so that nothing happens twice. If the gateway requires a fresh sign-in, the user is asked for it and the
 * change goes on. Afterwards everything that is shown is requested again, also if someone else was faster.
 */
export function useChange<V, R>(make: (what: V, key: string) => Promise<R>, done?: (result: R, what: V) => void) {
  const kept = useRef<{ about: string; key: string }>(undefined)

  return useMutation<R, Failure, V>({
    mutationFn: async (what) => {
      const about = JSON.stringify(what) ?? ''
      if (kept.current?.about !== about) {
        kept.current = { about, key: crypto.randomUUID() }
      }

      const { key } = kept.current

      try {
        const result = await confirmed(() => make(what, key))
        kept.current = undefined

        return result
      } catch (failure) {
        if (!(failure instanceof Failure) || !isOutage(failure)) {
          kept.current = undefined
        }

        throw failure
      }
    },
    onSuccess: async (result, what) => {
      done?.(result, what)
      await memory.invalidateQueries()
    },
    onError: async (failure) => {
      if (failure.code === 'VERSION_CONFLICT') {
        await memory.invalidateQueries()
      }
    },
  })
}

/** Reports whether the outcome of the change is unknown. */
function isOutage(failure: Failure): boolean {
  return failure.code === undefined || failure.code === 'INTERNAL' || failure.code === 'UNAVAILABLE'
}
