import { listGroups } from '@konec/toolkit-gateway'
import { useQuery } from '@tanstack/react-query'

import { ask, client } from './gateway'

/** All member groups; they are few. */
export function useGroups() {
  return useQuery({
    queryKey: ['groups'],
    queryFn: async () => (await ask(listGroups({ client }))).groups,
  })
}
