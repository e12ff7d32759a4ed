// A page that sends the requests of the console, in its order, as axios would. It has no content security policy, so that
// a payload in it would run.
const gateway = new URLSearchParams(location.search).get('gateway') ?? location.origin

const renewEvery = 3_200_000
const pictureLives = 299_000
let renewal

const element = (id) => document.getElementById(id)

async function ask(method, path, body) {
  const headers = {}
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json'
  }

  const token = /(?:^|; )XSRF-TOKEN=([^;]*)/.exec(document.cookie)
  if (method !== 'GET' && token) {
    headers['X-XSRF-TOKEN'] = decodeURIComponent(token[1])
  }

  const response = await fetch(gateway + path, {
    method,
    headers,
    credentials: 'include',
    body: body && JSON.stringify(body),
  })
  const text = await response.text()
  const data = text === '' ? {} : JSON.parse(text)
  element('message').textContent = response.ok ? '' : data.message

  if (response.status === 401) {
    show('signed-out')
  }

  return { ok: response.ok, status: response.status, data }
}

/** Does what every protected page does: verify, user, then the renewal, at once and repeatedly. */
async function enter() {
  if (!(await ask('GET', '/verify')).ok || !(await refill())) {
    return
  }

  show('signed-in')
  clearInterval(renewal)
  renewal = setInterval(renew, renewEvery)
  await renew()
}

async function renew() {
  const { ok, data } = await ask('GET', '/refresh_code')

  return ok && (await ask('POST', '/refresh_token', { code: data.code })).ok
}

async function refill() {
  const { ok, data } = await ask('GET', '/user')
  if (ok) {
    for (const id of ['_id', 'email', 'name', 'avatar', 'phone', 'totp']) {
      element(id).textContent = data[id]
    }
    element('history').textContent = data.history ? `${data.history.timestamp} ${data.history.metadata.source}` : ''
  }

  return ok
}

function show(section) {
  for (const id of ['signed-out', 'signed-in']) {
    element(id).hidden = id !== section
  }
  if (section === 'signed-out') {
    clearInterval(renewal)
  }
}

/** What follows a response, if it is more than showing the account. */
const then = {
  'GET /login/sms': () => {},
  'GET /forget_code': () => {},
  'POST /forget_reset': () => {},
  'GET /user/totp': ({ data }) => {
    element('otpauth').textContent = data.totp
    for (const format of ['svg', 'png']) {
      element(format).src = `${gateway}/user/totp/qr?format=${format}`
    }
    element('pending').hidden = false
    setTimeout(() => (element('pending').hidden = true), pictureLives)
  },
  'POST /user/totp': () => {
    element('pending').hidden = true
    return refill()
  },
  'GET /user/sessions': ({ data }) => {
    const items = data.sessions.map((one) => {
      const item = document.createElement('li')
      item.textContent = `${one.surface} ${one.address}${one.current ? ' (this one)' : ''}`
      return item
    })
    element('sessions').replaceChildren(...items)
  },
  'POST /login': enter,
  'POST /login/sms': enter,
  'POST /login/totp': enter,
  'POST /logout': () => show('signed-out'),
}

/** The bodies of forms whose members are not the names and values of their fields. */
const bodies = {
  'PATCH /user': ({ key, value, code }) => ({ key, [key.toLowerCase()]: value, ...(code && { code }) }),
  'POST /user/totp': ({ first, second }) => ({ totp: element('otpauth').textContent, tss: [first, second] }),
}

for (const form of document.forms) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault()

    const name = form.dataset.call
    const [method, path] = name.split(' ')
    const fields = new FormData(form)
    const query = method === 'GET' && [...fields].length > 0 ? `?${new URLSearchParams(fields)}` : ''
    const given = Object.fromEntries(fields)
    const body = method === 'GET' || Object.keys(given).length === 0 ? undefined : (bodies[name]?.(given) ?? given)

    const response = await ask(method, path + query, body)
    if (response.ok) {
      form.reset()
      await (then[name] ?? refill)(response)
    }
    form.dispatchEvent(new CustomEvent('responded', { detail: response.status }))
  })
}

window.ready = ask('GET', '/').then(enter)
