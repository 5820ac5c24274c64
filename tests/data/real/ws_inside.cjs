// `ws` by https-proxy-agent; trust by NODE_EXTRA_CA_CERTS. Text, octets, ping and pong, a close
// with a code, compressed and not; and a message that is not let out, with what it refers to before.
'use strict'

const { once } = require('node:events')
const { HttpsProxyAgent } = require('https-proxy-agent')
const WebSocket = require('ws')

const { BENCH_PROXY, BENCH_URL } = process.env
const url = BENCH_URL.replace('https:', 'wss:') + '/chat'
const agent = new HttpsProxyAgent(BENCH_PROXY)

async function talk (perMessageDeflate) {
  const socket = new WebSocket(url, ['chat'], { agent, perMessageDeflate })
  await once(socket, 'open')
  const seen = { protocol: socket.protocol, compressed: socket.extensions !== '' }
  socket.send('words')
  seen.text = (await once(socket, 'message'))[0].toString()
  // Words in no order that compresses well.
  const words = ['alpha ', 'beta ', 'gamma ', 'delta ']
  const octets = Buffer.from(Array.from({ length: 500_000 }, (_, at) => words[(at * at % 9973) & 3]).join(''))
  socket.send(octets)
  seen.octets = (await once(socket, 'message'))[0].equals(octets)
  // One message in fragments, with a ping between them.
  socket.send('in ', { fin: false })
  socket.ping('beat')
  socket.send('pieces', { fin: true })
  const [[pong], [pieces]] = await Promise.all([once(socket, 'pong'), once(socket, 'message')])
  seen.pong = pong.toString()
  seen.pieces = pieces.toString()
  socket.close(4001, 'bye')
  const [code, reason] = await once(socket, 'close')
  seen.closed = [code, reason.toString()]
  return seen
}

async function bar (perMessageDeflate) {
  const socket = new WebSocket(url, ['chat'], { agent, perMessageDeflate })
  await once(socket, 'open')
  socket.send('a card of 4111 1111 1111 111')
  const before = (await once(socket, 'message'))[0].toString()
  socket.send('a card of 4111 1111 1111 1111')
  const [code, reason] = await once(socket, 'close')
  return [before, code, reason.toString().split(':')[0]]
}

async function main () {
  const seen = { plain: await talk(false), deflate: await talk(true) }
  seen.barred = [await bar(false), await bar({ threshold: 0 })]
  const blocked = new WebSocket(url, { agent, headers: { 'X-Data-Class': 'health' } })
  const [, response] = await once(blocked, 'unexpected-response')
  let text = ''
  for await (const chunk of response) text += chunk
  seen.blocked = [response.statusCode, JSON.parse(text).rule]
  process.stdout.write(JSON.stringify(seen) + '\n')
}

main()
