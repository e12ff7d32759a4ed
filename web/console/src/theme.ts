import { createTheme, type CSSVariablesResolver } from '@mantine/core'

/** Calm and dense: small controls, quiet corners, and colours dark enough to read (WCAG 2.2, 1.4.3). */
export const theme = createTheme({
  primaryColor: 'blue',
  primaryShade: { light: 8, dark: 8 },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  headings: { fontWeight: '600', sizes: { h1: { fontSize: '1.5rem' }, h2: { fontSize: '1.05rem' } } },
  components: {
    Button: { defaultProps: { size: 'sm' } },
    Modal: { defaultProps: { centered: true } },
    Tooltip: { defaultProps: { openDelay: 200, withArrow: true } },
  },
})

/** Mantine's dimmed and red texts are too pale, where a row is marked above all. */
export const variables: CSSVariablesResolver = (theme) => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': theme.colors.gray[7],
    '--mantine-color-red-text': theme.colors.red[9],
    '--mantine-color-error': theme.colors.red[9],
  },
  // Quiet buttons on dark keep their colour.
  dark: {
    '--mantine-color-dimmed': theme.colors.dark[1],
    '--mantine-color-blue-light-color': theme.colors.blue[4],
    '--mantine-color-red-light-color': theme.colors.red[4],
  },
})
