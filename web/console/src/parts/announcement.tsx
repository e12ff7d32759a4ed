import { Notification, Portal, Transition } from '@mantine/core'
import IconCheck from '@tabler/icons-react/dist/esm/icons/IconCheck.mjs'
import { createContext, type ReactNode, use, useCallback, useEffect, useState } from 'react'

import { useWords } from '../words'

const Context = createContext<(text: string) => void>(() => {})

/** Announces a success: visible for a few seconds, and read out. */
export function useAnnounce() {
  return use(Context)
}

export function Announcements({ children }: { children: ReactNode }) {
  const words = useWords()
  const [said, setSaid] = useState({ text: '', times: 0 })
  const [shown, setShown] = useState(false)

  const announce = useCallback((text: string) => {
    setSaid(({ times }) => ({ text, times: times + 1 }))
    setShown(true)
  }, [])

  useEffect(() => {
    if (shown) {
      const timer = setTimeout(() => setShown(false), 6000)

      return () => clearTimeout(timer)
    }
  }, [shown, said])

  return (
    <Context value={announce}>
      {children}
      <Portal>
        <div role="status" className="announcement">
          <Transition mounted={shown} transition="slide-up" duration={150}>
            {(style) => (
              <Notification
                style={style}
                color="teal"
                withBorder
                icon={<IconCheck size={18} aria-hidden />}
                closeButtonProps={{ 'aria-label': words.close }}
                onClose={() => setShown(false)}
              >
                {said.text}
              </Notification>
            )}
          </Transition>
        </div>
      </Portal>
    </Context>
  )
}
