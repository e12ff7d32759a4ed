// Opens the reader on this server's own document. Everything that would ask another host is off.
if (typeof Scalar === 'undefined') {
  document.getElementById('plain').hidden = false
} else {
  Scalar.createApiReference('#app', {
    url: '/openapi.yaml',
    withDefaultFonts: false,
    telemetry: false,
    hideClientButton: true,
    agent: { disabled: true },
    mcp: { disabled: true },
    showDeveloperTools: 'never',
    metaData: { title: 'Toolkit Gateway' },
  })
}
