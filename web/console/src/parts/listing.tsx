import { Box, Skeleton, Table, Text, VisuallyHidden } from '@mantine/core'
import type { KeyboardEventHandler, ReactNode } from 'react'

import { useWords } from '../words'
import { FailureNote } from './failure'
import styles from './listing.module.css'

export interface Column<T> {
  key: string
  head: string
  /** The heading is only for screen readers; the values need none. */
  hideHead?: boolean
  /** The column holds sentences. */
  long?: boolean
  cell: (row: T) => ReactNode
}

interface Props<T> {
  /** What the table lists, for screen readers. */
  label: string
  columns: Column<T>[]
  /** Undefined while they are loading. */
  rows: T[] | undefined
  idOf: (row: T) => string
  failure?: Error | null
  retry?: () => void
  empty: string
  emptyText?: string
  onKeyDown?: KeyboardEventHandler
}

/** A table, with states for loading, empty and failed; cards on a phone. */
export function Listing<T>({ label, columns, rows, idOf, failure, retry, empty, emptyText, onKeyDown }: Props<T>) {
  const words = useWords()

  if (failure && rows === undefined) {
    return <FailureNote failure={failure} retry={retry} />
  }

  if (rows?.length === 0) {
    return (
      <Box className={styles.listing} p="xl" ta="center">
        <Text fw={500}>{empty}</Text>
        {emptyText && (
          <Text size="sm" c="dimmed" mt={4}>
            {emptyText}
          </Text>
        )}
      </Box>
    )
  }

  return (
    <Box className={styles.listing} aria-busy={rows === undefined} onKeyDown={onKeyDown}>
      <Table verticalSpacing={6} horizontalSpacing="sm" highlightOnHover={rows !== undefined} aria-label={label}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th key={column.key} scope="col">
                {column.hideHead ? <VisuallyHidden>{column.head}</VisuallyHidden> : column.head}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows === undefined
            ? [1, 2, 3, 4, 5].map((row) => (
                <Table.Tr key={row}>
                  {columns.map((column) => (
                    <Table.Td key={column.key} data-head="">
                      <Skeleton height={14} my={4} />
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))
            : rows.map((row) => (
                <Table.Tr key={idOf(row)}>
                  {columns.map((column) => (
                    <Table.Td key={column.key} data-head={column.hideHead ? '' : column.head}>
                      <div className={column.long ? `${styles.text} ${styles.long}` : styles.text}>
                        {column.cell(row)}
                      </div>
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
        </Table.Tbody>
      </Table>
      {rows === undefined && <VisuallyHidden role="status">{words.loading}</VisuallyHidden>}
    </Box>
  )
}
