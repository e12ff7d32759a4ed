import { Paper, Table } from '@mantine/core'
import type { ReactNode } from 'react'

/** A quiet box. */
export function Panel({ children }: { children: ReactNode }) {
  return (
    <Paper withBorder p="md">
      {children}
    </Paper>
  )
}

export type Fact = [name: string, value: ReactNode]

/** Names and values, two columns. */
export function Facts({ facts, label }: { facts: Fact[]; label: string }) {
  return (
    <Table variant="vertical" layout="fixed" verticalSpacing={5} withRowBorders={false} aria-label={label}>
      <Table.Tbody>
        {facts.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th scope="row" w="7rem" fw={500} bg="transparent" px={0}>
              {name}
            </Table.Th>
            <Table.Td style={{ overflowWrap: 'anywhere' }}>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
