// Node's own fetch and https, told of the proxy by nothing but what is loaded first.
'use strict'

const https = require('node:https')

const { BENCH_URL, BENCH_BY } = process.env
const agent = BENCH_BY === 'https' ? undefined : new https.Agent({ keepAlive: true })

async function byFetch (path, options) {
  const got = await fetch(BENCH_URL + path, options)
  return [got.status, await got.text()]
}

function byHttps (path, { body, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request(BENCH_URL + path, { agent, ...options }, got => {
      let text = ''
      got.on('data', piece => { text += piece }).on('end', () => resolve([got.statusCode, text]))
    })
    request.on('error', reject).end(body)
  })
}

async function main () {
  const ask = BENCH_BY === 'fetch' ? byFetch : byHttps
  const got = await ask('/hello')
  const posted = await ask('/echo', { method: 'POST', body: 'a=1' })
  const headers = { 'X-Data-Class': 'health' }
  const [status, text] = await ask('/echo', { method: 'POST', body: 'a=1', headers })
  const blocked = [status, JSON.parse(text).rule]
  process.stdout.write(JSON.stringify({ got, posted, blocked, limit: Error.stackTraceLimit }) + '\n')
  agent?.destroy()
}

main()
