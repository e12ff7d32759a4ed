import '@mantine/core/styles.css'
import './global.css'

import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { setNonce } from 'get-nonce'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'

import { App } from './app'
import { memory } from './gateway'
import { Announcements } from './parts/announcement'
import { theme, variables } from './theme'
import { WordsProvider } from './words'

// The page's policy allows style elements only with the nonce of this page view.
const nonce = document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? ''
setNonce(nonce) // for what stops the page from scrolling under a dialog

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={memory}>
        <WordsProvider>
          <Announcements>
            <BrowserRouter basename="/console">
              <App />
            </BrowserRouter>
          </Announcements>
        </WordsProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
