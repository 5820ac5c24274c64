// Node's fetch: the proxy by undici's EnvHttpProxyAgent (HTTPS_PROXY), trust by NODE_EXTRA_CA_CERTS.
'use strict'

const { EnvHttpProxyAgent, fetch } = require('undici')

const { BENCH_URL, BENCH_HTTP } = process.env
const dispatcher = new EnvHttpProxyAgent({
  allowH2: BENCH_HTTP === '2',
  requestTls: { allowH2: BENCH_HTTP === '2' }
})

async function main () {
  const got = await fetch(BENCH_URL + '/hello', { dispatcher })
  const seen = { got: [got.status, await got.text()] }
  const posted = await fetch(BENCH_URL + '/echo', { dispatcher, method: 'POST', body: 'a=1' })
  seen.posted = [posted.status, await posted.text()]
  const headers = { 'X-Data-Class': 'health' }
  const blocked = await fetch(BENCH_URL + '/echo', { dispatcher, method: 'POST', body: 'a=1', headers })
  seen.blocked = [blocked.status, (await blocked.json()).rule]
  await dispatcher.close()
  process.stdout.write(JSON.stringify(seen) + '\n')
}

main()
