import { SimpleGrid, Table, Text } from '@mantine/core'
import { getStatistics } from '@konec/toolkit-gateway'
import { useQuery } from '@tanstack/react-query'

import { ask, client } from '../../gateway'
import { Bars } from '../../parts/bars'
import { FailureNote } from '../../parts/failure'
import { Loading } from '../../parts/loading'
import { Section } from '../../parts/page'
import { Panel } from '../../parts/panel'
import { dayOf } from '../../parts/when'
import { useLanguage } from '../../words'
import { type Day, fill, kinds, lastDays } from './days'

const shown = 30

const colors = { signIns: 'blue', failures: 'red', registrations: 'teal' }

/** The number of sign-ins, failures and registrations, by the reader's days. */
export function Charts() {
  const { words } = useLanguage()
  const empty = lastDays(shown, new Date())
  const from = empty[0]!.date.toISOString()
  const statistics = useQuery({
    queryKey: ['statistics', from],
    queryFn: async () => (await ask(getStatistics({ client, query: { from } }))).hours,
    refetchInterval: 60_000,
  })
  const days = statistics.data && fill(empty, statistics.data)

  return (
    <Section title={words.charts.title(shown)}>
      <FailureNote failure={statistics.error} retry={() => void statistics.refetch()} />
      {statistics.isPending && <Loading />}
      {days && (
        <>
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            {kinds.map((kind) => (
              <Panel key={kind}>
                <Bars
                  title={words.charts[kind]}
                  color={colors[kind]}
                  bars={days.map((day) => ({ date: day.date, value: day[kind] }))}
                />
              </Panel>
            ))}
          </SimpleGrid>
          <Numbers days={days} />
        </>
      )}
    </Section>
  )
}

/** The same as a table, for readers who prefer numbers to pictures. */
function Numbers({ days }: { days: Day[] }) {
  const { words, language } = useLanguage()

  return (
    <details>
      <Text component="summary" size="sm" style={{ cursor: 'pointer' }}>
        {words.charts.table}
      </Text>
      <Table verticalSpacing={4} aria-label={words.charts.title(shown)} mt="xs" maw="40rem">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{words.charts.day}</Table.Th>
            {kinds.map((kind) => (
              <Table.Th key={kind} scope="col" ta="right">
                {words.charts[kind]}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {[...days].reverse().map((day) => (
            <Table.Tr key={day.date.getTime()}>
              <Table.Th scope="row" fw={400} style={{ whiteSpace: 'nowrap' }}>
                {dayOf(day.date, language)}
              </Table.Th>
              {kinds.map((kind) => (
                <Table.Td key={kind} ta="right">
                  {day[kind].toLocaleString(language)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </details>
  )
}
