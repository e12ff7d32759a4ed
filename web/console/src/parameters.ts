import { useSearchParams } from 'react-router'

/** The filters of a list. They are in the address, so that going back and sharing the link keep them. */
export function useParameters<const K extends string>(...names: K[]) {
  const [parameters, setParameters] = useSearchParams()
  const values = Object.fromEntries(names.map((name) => [name, parameters.get(name) ?? ''])) as Record<K, string>

  const set = (changed: Partial<Record<K, string>>) => {
    const next = new URLSearchParams(parameters)
    for (const [name, value] of Object.entries<string | undefined>(changed)) {
      if (value) {
        next.set(name, value)
      } else {
        next.delete(name)
      }
    }
    setParameters(next, { replace: true })
  }

  return [values, set] as const
}

/** Converts a local time to the gateway's form; undefined if it is empty or incomplete. */
export function instant(local: string): string | undefined {
  const time = new Date(local)

  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}
