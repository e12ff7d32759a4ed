// What a page of another site can make a user's browser request. Each function starts requests and returns what the page
// could read of them: nothing, if the gateway is right.

/** Sends every request that needs no window of its own. */
async function forge(target) {
  const requests = fetches(target).map((one) => fetched(target, one))
  if (!target.changesOnly) {
    elements(target)
    requests.push(socket(target))
    new EventSource(target.url, { withCredentials: true })
  }
  forms(target)
  navigator.sendBeacon(target.url, new Blob([text(target)], { type: 'text/plain' }))

  return (await Promise.all(requests)).flat()
}

/** Sends the requests that open a window. */
function openWindow(target) {
  if (target.method === 'GET') {
    window.open(target.url)
  } else {
    form(target, target.json ? 'text/plain' : 'application/x-www-form-urlencoded', '_blank', 'post')
  }
}

const text = ({ body }) => (body ? JSON.stringify(body) : '')

function fetches({ method, body }) {
  const sent = method === 'GET' ? {} : { body: text({ body }) || undefined }
  const simple = method === 'GET' ? 'GET' : 'POST'
  const cookies = { credentials: 'include' }

  return [
    { ...cookies, ...sent, mode: 'no-cors', method: simple },
    { ...cookies, ...sent, mode: 'cors', method: simple },
    { ...sent, mode: 'cors', method: simple, credentials: 'omit' },
    { ...cookies, ...sent, mode: 'cors', method },
    { ...cookies, ...sent, mode: 'cors', method, headers: { 'Content-Type': 'application/json', 'X-XSRF-TOKEN': 'x' } },
  ]
}

async function fetched({ url }, options) {
  try {
    const response = await fetch(url, { ...options, cache: 'no-store' })
    const content = await response.text() // until it is read, the browser does not report the request as finished

    // The methods of a path are not secret: a request without cookies may read them.
    const known = response.type === 'opaque' || (response.status === 405 && options.credentials === 'omit')

    return known
      ? []
      : [`a ${options.method} of mode ${options.mode} could read ${response.status} ${content}`]
  } catch {
    return []
  }
}

function elements({ url }) {
  for (const [name, attributes] of [
    ['img', { src: url }],
    ['script', { src: url }],
    ['iframe', { src: url }],
    ['object', { data: url }],
    ['link', { rel: 'stylesheet', href: url }],
    ['link', { rel: 'prefetch', href: url }],
    ['video', { src: url, preload: 'auto' }],
  ]) {
    document.body.append(Object.assign(document.createElement(name), attributes))
  }
}

function forms(target) {
  const method = target.method === 'GET' ? 'get' : 'post'
  for (const type of method === 'get'
    ? ['text/plain']
    : ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain']) {
    const frame = document.createElement('iframe')
    frame.name = `frame-${Math.random()}`
    document.body.append(frame)
    form(target, type, frame.name, method)
  }
}

function form({ url, body }, enctype, frame, method) {
  const made = Object.assign(document.createElement('form'), { action: url, method, enctype, target: frame })
  const fields = method === 'get' ? Object.fromEntries(new URL(url).searchParams) : (body ?? {})

  if (enctype === 'text/plain' && method === 'post') {
    // The name, the equals sign and the value form JSON together.
    const json = text({ body })
    field(made, json.slice(0, -2), json.slice(-2))
  } else {
    for (const [name, value] of Object.entries(fields)) {
      field(made, name, value)
    }
  }

  document.body.append(made)
  made.submit()
}

function field(made, name, value) {
  made.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }))
}

/** Opens a socket and waits until the browser, which delays the sockets of a host, has given up. */
function socket({ id, url }) {
  const opened = new WebSocket(url.replace('https:', 'wss:'))

  return new Promise((resolve) => {
    opened.onopen = () => resolve([`${id}: a socket`])
    opened.onclose = () => resolve([])
  })
}

let opened = []

/** Opens a page in windows and frames, two for each target. */
function show(from, targets) {
  opened = targets.flatMap(({ id, url }) => {
    const frame = Object.assign(document.createElement('iframe'), { src: `${from}?frame=${id}` })
    document.body.append(frame)

    return [
      [window.open(`${from}?window=${id}`), url],
      [frame.contentWindow, url],
    ]
  })
}

/** Navigates them elsewhere. */
function steer() {
  for (const [shown, url] of opened) {
    shown.location = url
  }
}

/** Returns what the page can read of everything that it has embedded. */
function look() {
  const seen = []

  for (const frame of document.querySelectorAll('iframe, object')) {
    const inside = frame.contentDocument?.body?.textContent
    if (inside) {
      seen.push(`a ${frame.localName} shows ${inside}`)
    }
  }

  for (const picture of document.images) {
    try {
      const canvas = document.createElement('canvas').getContext('2d')
      canvas.drawImage(picture, 0, 0)
      if (picture.naturalWidth > 0) {
        seen.push(`pixels ${canvas.getImageData(0, 0, 1, 1).data}`)
      }
    } catch {
      // As it should be.
    }
  }

  for (const sheet of document.styleSheets) {
    try {
      seen.push(`${sheet.cssRules.length} rules of ${sheet.href}`)
    } catch {
      // As it should be.
    }
  }

  document.body.replaceChildren()

  return seen
}
