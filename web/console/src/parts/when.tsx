import { type Language, useLanguage } from '../words'

const locales = { zh: 'zh-CN', en: 'en-GB' }

const form = (language: Language) => ({
  short: new Intl.DateTimeFormat(locales[language], { dateStyle: 'medium', timeStyle: 'short' }),
  medium: new Intl.DateTimeFormat(locales[language], { dateStyle: 'medium', timeStyle: 'medium' }),
  day: new Intl.DateTimeFormat(locales[language], { day: 'numeric', month: 'short' }),
})

/** Created once: that takes longer than using them. */
const forms = { zh: form('zh'), en: form('en') }

/** A time in the reader's form and time zone; the tooltip has it in UTC. */
export function When({ at, seconds = false }: { at: string | null | undefined; seconds?: boolean }) {
  const { language, words } = useLanguage()
  if (!at) {
    return <>{words.never}</>
  }

  return (
    <time dateTime={at} title={words.utc(at.slice(0, 19).replace('T', ' '))}>
      {forms[language][seconds ? 'medium' : 'short'].format(new Date(at))}
    </time>
  )
}

/** A day of this year in the reader's form. */
export function dayOf(date: Date, language: Language): string {
  return forms[language].day.format(date)
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

/** How long ago something was, in the largest unit that fits. */
export function ago(at: string, language: Language): string {
  const seconds = Math.max(0, (Date.now() - Date.parse(at)) / 1000)
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? ['second', 1]
  const number = Math.floor(seconds / size)

  const text = new Intl.NumberFormat(locales[language], { style: 'unit', unit, unitDisplay: 'long' }).format(number)

  // Intl writes 30天, and everything else here 30 天.
  return text.replace(/(\d)(?=\p{Script=Han})/u, '$1 ')
}
