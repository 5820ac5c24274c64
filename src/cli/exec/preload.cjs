// What every Node under `borderpost exec` loads first: http, https and fetch go through the proxy where
// Node does not see to it by itself, and what goes around it all the same is told.
'use strict'

const { appendFileSync } = require('node:fs')
const http = require('node:http')
const https = require('node:https')
const net = require('node:net')
const { join } = require('node:path')
const tls = require('node:tls')

/** Beside this file; a line for each destination, which the summary reads. */
const AROUND = join(__dirname, 'around')
const MOST = 1000

const { env } = process
const PROXY = address(env.https_proxy || env.HTTPS_PROXY)
const LOCAL_GOES_AROUND = Boolean(env.no_proxy || env.NO_PROXY)

// Others put their own in the place of these.
const { request } = http
const { connect } = net.Socket.prototype

/** Where it is; whoever has put something else in its place goes around. */
function address (url) {
  try {
    const { protocol, hostname, port } = new URL(url)
    return protocol === 'http:' ? { host: bare(hostname), port: Number(port) || 80 } : null
  } catch {
    return null
  }
}

/** Without the brackets of IPv6. */
function bare (host) {
  return String(host).replace(/^\[(.*)\]$/, '$1')
}

/** Whether it stays on this machine, and nobody has placed this machine elsewhere. */
function isLocal (host) {
  const name = bare(host).toLowerCase()
  return LOCAL_GOES_AROUND && (name === 'localhost' || name === '::1' || (net.isIPv4(name) && name.startsWith('127.')))
}

// === what goes around ===

const told = new Set()

function tell (host, port) {
  const line = JSON.stringify([String(host), Number(port)]) + '\n'
  if (told.has(line) || told.size >= MOST) return
  told.add(line)
  try {
    appendFileSync(AROUND, line, { mode: 0o600 })
  } catch {
    // It is gone with the run of `exec`, or may not be written: nobody reads it.
    process.emitWarning(`${host}:${port} is reached around the proxy of borderpost exec`)
  }
}

net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : net._normalizeArgs(args)
  const { host = 'localhost', port } = options
  const isProxy = PROXY && bare(host) === PROXY.host && Number(port) === PROXY.port
  if (!options.path && !isProxy && !isLocal(host)) tell(host, port)
  return connect.apply(this, args)
}

// === what goes through ===

/** Hands over a connection to there, by CONNECT; `done` is called once. */
function tunnel (host, port, done) {
  const name = net.isIPv6(bare(host)) ? `[${bare(host)}]` : host
  const path = `${name}:${port}`
  const asked = request({
    method: 'CONNECT', path, headers: { host: path }, createConnection: () => net.connect(PROXY)
  })
  asked.once('connect', ({ statusCode, statusMessage, headers }, socket, head) => {
    if (statusCode === 200) {
      if (head.length > 0) socket.unshift(head)
      return done(null, socket)
    }
    socket.destroy()
    const decision = headers['x-borderpost-decision']
    const why = decision ? `, decision ${decision}` : ''
    done(new Error(`borderpost refuses a connection to ${path}: ${statusCode} ${statusMessage}${why}`))
  })
  asked.once('error', done)
  asked.end()
}

function secure (socket, host, options) {
  const servername = options.servername || (net.isIP(bare(host)) ? '' : bare(host))
  return tls.connect({ ...options, host, servername, path: undefined, socket })
}

/** All agents of http and https but those that have a way of their own, as with a proxy by Node itself. */
function throughAgents () {
  for (const [{ prototype }, isSecure] of [[http.Agent, false], [https.Agent, true]]) {
    const { createConnection } = prototype
    prototype.createConnection = function (...args) {
      const [options, done] = net._normalizeArgs(args)
      const { host = 'localhost', port } = options
      const elsewhere = !done || options.socketPath || options.path || this.options?.proxyEnv
      if (elsewhere || isLocal(host)) return createConnection.apply(this, args)
      tunnel(host, port, (error, socket) => {
        if (error) return done(error)
        done(null, isSecure ? secure(socket, host, options) : socket)
      })
    }
  }
}

const DISPATCHER = Symbol.for('undici.globalDispatcher.1')

/** The fetch that is inside Node, at its first use: what it is made of takes 30 ms to load. */
function throughFetch () {
  const { fetch } = globalThis
  const lazy = Object.getOwnPropertyDescriptor(globalThis, 'Headers')
  let isReady = false
  function ready () {
    isReady = true
    // Which loads it.
    lazy?.get?.call(globalThis)
    const Agent = globalThis[DISPATCHER]?.constructor
    // Who has put another there has a proxy already, or tests without a network.
    if (Agent?.name === 'Agent') globalThis[DISPATCHER] = new Agent({ connect: connector })
  }
  globalThis.fetch = function (...args) {
    if (!isReady) ready()
    return fetch.apply(this, args)
  }
  Object.defineProperty(globalThis.fetch, 'name', { value: 'fetch' })
}

/** As undici wants it. */
function connector ({ hostname, port, protocol, servername, httpSocket }, done) {
  const isSecure = protocol === 'https:'
  const [host, to] = [bare(hostname), Number(port) || (isSecure ? 443 : 80)]
  const begin = (error, socket) => {
    if (error) return done(error)
    if (!isSecure) return done(null, socket)
    const secured = secure(socket, host, { servername, ALPNProtocols: ['http/1.1'] })
    secured.once('secureConnect', () => done(null, secured)).once('error', done)
  }
  if (!isLocal(host)) return tunnel(host, to, begin)
  const socket = net.connect({ host, port: to })
  socket.once('connect', () => begin(null, socket)).once('error', begin)
}

if (PROXY) {
  throughAgents()
  if (globalThis.fetch) throughFetch()
}
