import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react'

import { speak } from '../gateway'
import { en } from './en'
import { type Words, zh } from './zh'

export type { Words } from './zh'
export type Language = 'zh' | 'en'

const spoken: Record<Language, Words> = { zh, en }
const kept = 'toolkit-console-language'

interface Spoken {
  language: Language
  words: Words
  setLanguage: (language: Language) => void
}

const Context = createContext<Spoken>({ language: 'zh', words: zh, setLanguage: () => {} })

/** Uses the language that was chosen, or else the browser's, and asks the gateway to answer in it. */
export function WordsProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(first)

  // Before the first request.
  speak(language)

  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  }, [language])

  const value = useMemo(
    () => ({
      language,
      words: spoken[language],
      setLanguage: (chosen: Language) => {
        localStorage.setItem(kept, chosen)
        setLanguage(chosen)
      },
    }),
    [language],
  )

  return <Context value={value}>{children}</Context>
}

export function useWords(): Words {
  return use(Context).words
}

export function useLanguage() {
  return use(Context)
}

function first(): Language {
  const chosen = localStorage.getItem(kept)
  if (chosen === 'zh' || chosen === 'en') {
    return chosen
  }

  return navigator.language.startsWith('zh') ? 'zh' : 'en'
}
