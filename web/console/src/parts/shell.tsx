import { AppShell, Burger, Button, Divider, Group, Menu, NavLink, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { type Right, signOut } from '@konec/toolkit-gateway'
import IconUsersGroup from '@tabler/icons-react/dist/esm/icons/IconUsersGroup.mjs'
import IconChevronDown from '@tabler/icons-react/dist/esm/icons/IconChevronDown.mjs'
import IconUserCheck from '@tabler/icons-react/dist/esm/icons/IconUserCheck.mjs'
import IconLayoutDashboard from '@tabler/icons-react/dist/esm/icons/IconLayoutDashboard.mjs'
import IconListDetails from '@tabler/icons-react/dist/esm/icons/IconListDetails.mjs'
import IconLogout from '@tabler/icons-react/dist/esm/icons/IconLogout.mjs'
import IconHourglass from '@tabler/icons-react/dist/esm/icons/IconHourglass.mjs'
import IconMail from '@tabler/icons-react/dist/esm/icons/IconMail.mjs'
import IconUser from '@tabler/icons-react/dist/esm/icons/IconUser.mjs'
import IconUsers from '@tabler/icons-react/dist/esm/icons/IconUsers.mjs'
import { type ReactNode, useEffect } from 'react'
import { Link, useLocation } from 'react-router'

import { useChange } from '../change'
import { ask, client, forget } from '../gateway'
import { useMe } from '../me'
import { useWords } from '../words'
import { useAnnounce } from './announcement'
import { Preferences } from './preferences'

const places = [
  { to: '/', name: 'overview', icon: IconLayoutDashboard, right: undefined },
  { to: '/queue', name: 'queue', icon: IconUserCheck, right: 'accounts.read' },
  { to: '/accounts', name: 'accounts', icon: IconUsers, right: 'accounts.read' },
  { to: '/groups', name: 'groups', icon: IconUsersGroup, right: 'accounts.read' },
  { to: '/audit', name: 'audit', icon: IconListDetails, right: 'audit.read' },
  { to: '/deliveries', name: 'deliveries', icon: IconMail, right: 'accounts.read' },
  { to: '/limits', name: 'limits', icon: IconHourglass, right: 'accounts.read' },
] as const satisfies { to: string; name: string; icon: unknown; right: Right | undefined }[]

/** The frame of every page: navigation, account menu and preferences. */
export function Shell({ children }: { children: ReactNode }) {
  const words = useWords()
  const me = useMe()
  const { pathname } = useLocation()
  const [opened, { toggle, close }] = useDisclosure()

  useEffect(close, [pathname, close])

  const visible = places.filter(({ right }) => (right ? me.rights.includes(right) : me.rights.length > 0))
  const isHere = (to: string) => (to === '/' ? pathname === '/' : pathname.startsWith(to))

  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 210, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding="md"
    >
      <a href="#main" className="skip">
        {words.skip}
      </a>

      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="sm" wrap="nowrap" miw={0}>
            <Burger
              opened={opened}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={opened ? words.closeNavigation : words.openNavigation}
              aria-expanded={opened}
            />
            <Text fw={600} truncate>
              {words.product}
            </Text>
          </Group>
          <Group gap={4} wrap="nowrap">
            <Preferences />
            <AccountMenu />
          </Group>
        </Group>
      </AppShell.Header>

      <AppShell.Navbar p="xs" aria-label={words.navigation}>
        {visible.map(({ to, name, icon: Icon }) => (
          <NavLink
            key={to}
            component={Link}
            to={to}
            label={words.pages[name]}
            leftSection={<Icon size={18} stroke={1.6} aria-hidden />}
            active={isHere(to)}
            aria-current={isHere(to) ? 'page' : undefined}
          />
        ))}
        {visible.length > 0 && <Divider my="xs" />}
        <NavLink
          component={Link}
          to="/profile"
          label={words.pages.profile}
          leftSection={<IconUser size={18} stroke={1.6} aria-hidden />}
          active={isHere('/profile')}
          aria-current={isHere('/profile') ? 'page' : undefined}
        />
      </AppShell.Navbar>

      <AppShell.Main id="main" tabIndex={-1}>
        {children}
      </AppShell.Main>
    </AppShell>
  )
}

function AccountMenu() {
  const words = useWords()
  const me = useMe()
  const announce = useAnnounce()
  const leave = useChange(() => ask(signOut({ client })), forget)

  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <Button variant="subtle" color="gray" px="xs" aria-label={`${words.accountMenu}${words.colon}${me.name}`}>
          <IconUser size={18} aria-hidden />
          <Text component="span" size="sm" ml={6} maw={140} truncate visibleFrom="sm">
            {me.name}
          </Text>
          <IconChevronDown size={14} aria-hidden />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{words.signedInAs(me.email)}</Menu.Label>
        <Menu.Item component={Link} to="/profile" leftSection={<IconUser size={16} aria-hidden />}>
          {words.pages.profile}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconLogout size={16} aria-hidden />}
          onClick={() =>
            leave.mutate(undefined, { onError: (failure) => announce(failure.message || words.failure.outage) })
          }
        >
          {words.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
