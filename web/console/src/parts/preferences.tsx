import { ActionIcon, type MantineColorScheme, Menu, useMantineColorScheme } from '@mantine/core'
import IconDeviceDesktop from '@tabler/icons-react/dist/esm/icons/IconDeviceDesktop.mjs'
import IconLanguage from '@tabler/icons-react/dist/esm/icons/IconLanguage.mjs'
import IconMoon from '@tabler/icons-react/dist/esm/icons/IconMoon.mjs'
import IconSun from '@tabler/icons-react/dist/esm/icons/IconSun.mjs'

import { memory } from '../gateway'
import { type Language, useLanguage } from '../words'

const schemes = [
  ['auto', IconDeviceDesktop],
  ['light', IconSun],
  ['dark', IconMoon],
] as const

/** The language and the colours, also before signing in. */
export function Preferences() {
  const { language, words, setLanguage } = useLanguage()
  const { colorScheme, setColorScheme } = useMantineColorScheme()

  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={words.language}>
            <IconLanguage size={18} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.RadioGroup
            value={language}
            onChange={(chosen) => {
              setLanguage(chosen as Language)
              // Cached responses are in the other language.
              void memory.invalidateQueries()
            }}
          >
            {(['zh', 'en'] as const).map((one) => (
              <Menu.RadioItem key={one} value={one} lang={one} closeMenuOnClick>
                {words.languages[one]}
              </Menu.RadioItem>
            ))}
          </Menu.RadioGroup>
        </Menu.Dropdown>
      </Menu>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={words.appearance}>
            <IconSun size={18} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.RadioGroup value={colorScheme} onChange={(scheme) => setColorScheme(scheme as MantineColorScheme)}>
            {schemes.map(([scheme, Icon]) => (
              <Menu.RadioItem
                key={scheme}
                value={scheme}
                rightSection={<Icon size={16} aria-hidden />}
                closeMenuOnClick
              >
                {words.appearances[scheme]}
              </Menu.RadioItem>
            ))}
          </Menu.RadioGroup>
        </Menu.Dropdown>
      </Menu>
    </>
  )
}
