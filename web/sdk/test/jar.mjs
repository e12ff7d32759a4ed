// Cookies for a fetch that has none, as a browser keeps them. One host, and no TLS: `Secure` is passed over.
export function cookieJar() {
  const cookies = new Map()

  return {
    get: (name) => cookies.get(name),
    set: (name, value) => cookies.set(name, value),
    /** A fetch that carries them. */
    fetch: async (request) => {
      const carried = new Request(request)
      if (cookies.size > 0) {
        carried.headers.set('Cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
      }

      const answer = await fetch(carried)
      for (const line of answer.headers.getSetCookie()) {
        const [pair, ...attributes] = line.split('; ')
        const at = pair.indexOf('=')
        if (attributes.some((one) => one === 'Max-Age=0')) {
          cookies.delete(pair.slice(0, at))
        } else {
          cookies.set(pair.slice(0, at), pair.slice(at + 1))
        }
      }

      return answer
    },
  }
}
