// A WebSocket origin under a test certificate: it sends back what comes, and the fields of cookies
// where it is asked for them. It speaks HTTP/2 as well, but no WebSocket over it. Prints its port.
'use strict'

const { readFileSync } = require('node:fs')
const { createSecureServer } = require('node:http2')
const { WebSocketServer } = require('ws')

const { BENCH_CERT, BENCH_KEY, BENCH_ADDRESS } = process.env
const server = createSecureServer({
  allowHTTP1: true,
  cert: readFileSync(BENCH_CERT),
  key: readFileSync(BENCH_KEY)
})
const sockets = new WebSocketServer({
  server,
  handleProtocols: (offered) => offered.has('chat') && 'chat',
  perMessageDeflate: { threshold: 0 }
})
sockets.on('connection', (socket, { rawHeaders }) => {
  const cookies = rawHeaders.filter((_, at) => at % 2 && /^cookie$/i.test(rawHeaders[at - 1]))
  socket.on('message', (data, binary) => {
    socket.send(data.toString() === 'cookies' ? JSON.stringify(cookies) : data, { binary })
  })
})
server.listen(0, BENCH_ADDRESS, () => process.stdout.write(server.address().port + '\n'))
// The test ends it by closing its standard input.
process.stdin.on('end', () => process.exit()).resume()
