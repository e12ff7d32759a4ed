import { Group, Text } from '@mantine/core'

import { useLanguage } from '../words'
import styles from './bars.module.css'
import { dayOf } from './when'

interface Props {
  title: string
  /** A colour of the theme. */
  color: string
  bars: { date: Date; value: number }[]
}

const width = 10
const height = 60

/** A number for each day, as bars on a scale of its own, under their sum. The label names the highest. */
export function Bars({ title, color, bars }: Props) {
  const { words, language } = useLanguage()
  const sum = bars.reduce((sum, { value }) => sum + value, 0)
  const most = bars.reduce((most, bar) => (bar.value > most.value ? bar : most), bars[0]!)
  const number = (value: number) => value.toLocaleString(language)
  const peak = words.charts.most(number(most.value), dayOf(most.date, language))

  return (
    <figure className={styles.figure}>
      <figcaption>
        <Text size="sm" c="dimmed">
          {title}
        </Text>
        <Text fz="1.6rem" fw={600} lh={1.2}>
          {number(sum)}
        </Text>
      </figcaption>
      <svg
        className={styles.bars}
        viewBox={`0 0 ${bars.length * width} ${height}`}
        preserveAspectRatio="none"
        style={{ color: `var(--mantine-color-${color}-filled)` }}
        role="img"
        aria-label={words.charts.summary(title, number(sum), sum > 0 ? peak : '')}
      >
        {bars.map(({ date, value }, i) => {
          const tall = value === 0 ? 0 : Math.max(1.5, (value / most.value) * height)

          return (
            <g key={date.getTime()}>
              <title>{`${dayOf(date, language)}${words.colon}${number(value)}`}</title>
              <rect className={styles.day} x={i * width} y={0} width={width} height={height} />
              <rect className={styles.bar} x={i * width + 1} y={height - tall} width={width - 2} height={tall} />
            </g>
          )
        })}
      </svg>
      <Group justify="space-between" gap="xs" mt={4}>
        <Text size="xs" c="dimmed">
          {dayOf(bars[0]!.date, language)}
        </Text>
        <Text size="xs" c="dimmed">
          {sum > 0 && peak}
        </Text>
        <Text size="xs" c="dimmed">
          {words.charts.today}
        </Text>
      </Group>
    </figure>
  )
}
