// Starts a PDS and its PLC directory on loopback, at the ports given: pds.mjs PDS PLC DOOR SITE.
// The PDS believes that it is reached at PDS, where a proxy stands; it listens at DOOR. What it
// asks of https://post.our-house.net is asked of SITE instead: nothing leaves this machine.
// Prints one line of JSON with their addresses; on SIGTERM, or when its standard input closes, it
// ends and takes its data along.
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// The packages lie in the working directory, not beside this file.
const require = createRequire(`${process.cwd()}/`)
const { TestNetworkNoAppView } = require('@atproto/dev-env')

// Both servers would listen on every interface; nobody outside needs them.
const [pdsPort, plcPort, door, site] = process.argv.slice(2).map(Number)
const listen = Server.prototype.listen
Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, port === pdsPort ? door : port, '127.0.0.1', ...rest)
}

const fetched = globalThis.fetch
globalThis.fetch = function (input, init) {
  const url = new URL(input instanceof Request ? input.url : String(input))
  if (url.origin !== 'https://post.our-house.net') return fetched.call(this, input, init)
  return fetched(`http://127.0.0.1:${site}${url.pathname}`, { headers: init?.headers })
}

// The server makes its directories wherever the system keeps temporary files.
const data = mkdtempSync(join(tmpdir(), 'real-bluesky-'))
process.env.TMPDIR = data
process.on('exit', () => rmSync(data, { recursive: true, force: true }))
process.on('SIGTERM', end)
process.stdin.on('end', end).resume()

const network = await TestNetworkNoAppView.create({
  plc: { port: plcPort },
  pds: { port: pdsPort, hostname: 'localhost', jwtSecret: process.env.PDS_JWT_SECRET },
})
console.log(JSON.stringify({ pds: network.pds.url, plc: network.plc.url }))

function end() {
  process.exit(0)
}
