// What a program with `undici` sees through the proxy, as one JSON object.
'use strict'

const { readFileSync } = require('node:fs')
const { ProxyAgent, request } = require('undici')

const { BENCH_PROXY, BENCH_PLAIN, BENCH_SECURE, BENCH_ABROAD, BENCH_CA } = process.env
const dispatcher = new ProxyAgent({
  uri: BENCH_PROXY,
  // Plain requests in absolute form, as most programs send them; TLS through a tunnel.
  proxyTunnel: false,
  requestTls: { ca: readFileSync(BENCH_CA) }
})

async function ask (url, options = {}) {
  const { statusCode, body } = await request(url, { dispatcher, ...options })
  return [statusCode, await body.text()]
}

async function main () {
  const plain = await ask(BENCH_PLAIN)
  const posted = await ask(BENCH_PLAIN, { method: 'POST', body: 'a=1' })
  const secure = await ask(BENCH_SECURE)
  const [status, text] = await ask(BENCH_ABROAD, { headers: { 'X-Data-Class': 'health' } })
  await dispatcher.close()
  const blocked = [status, JSON.parse(text).rule]
  process.stdout.write(JSON.stringify({ plain, posted, secure, blocked }) + '\n')
}

main()
