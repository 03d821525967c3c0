// Runs an OpenID Connect provider on loopback: server.mjs SECONDS (how long an access token lives).
// Its one client comes from OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and OIDC_REDIRECT_URI. Prints one line
// of JSON with its address and that of its control room; ends when its standard input closes.
//
// The control room: GET / answers with every request to the token endpoint, in order; POST / takes
// {ttl} (seconds, from now on), {door: "open" | "closed"}, {mood: {on, kind, ms}} (what befalls the
// next request on `token` or `userinfo`) and {forget: true} (an empty list, no mood, an open door).
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

// The packages lie in the working directory, not beside this file.
const packages = createRequire(`${process.cwd()}/`)
const { default: Provider } = await import(pathToFileURL(packages.resolve('oidc-provider')).href)

process.stdin.on('end', () => process.exit(0)).resume()

const HOUR = 3600
let ttl = Number(process.argv[2])
const moods = new Map()
let requests = []

const front = createServer()
await listen(front, 0)
const { port } = front.address()
const url = `http://127.0.0.1:${port}`

const provider = new Provider(url, {
  clients: [
    {
      client_id: process.env.OIDC_CLIENT_ID,
      client_secret: process.env.OIDC_CLIENT_SECRET,
      redirect_uris: [process.env.OIDC_REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  clockTolerance: 0,
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
  findAccount: (_, id) => ({ accountId: id, claims: () => person(id) }),
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: {
    AccessToken: () => ttl,
    AuthorizationCode: 60,
    Grant: HOUR,
    IdToken: HOUR,
    Interaction: HOUR,
    RefreshToken: HOUR,
    Session: HOUR,
  },
})
provider.on('grant.error', (ctx, problem) => (ctx.state.why = problem.error_detail))
provider.use(watch)
front.on('request', provider.callback())

const control = createServer(answerControl)
await listen(control, 0)
console.log(JSON.stringify({ url, control: `http://127.0.0.1:${control.address().port}` }))

function person(id) {
  return { sub: id, preferred_username: id, name: id }
}

async function listen(server, at) {
  server.listen(at, '127.0.0.1')
  await once(server, 'listening')
}

// Whatever befalls a request, one to the token endpoint is written down, before and after.
async function watch(ctx, next) {
  const place = { '/token': 'token', '/me': 'userinfo' }[ctx.path]
  if (!place) {
    await next()
    return
  }
  const { kind, ms } = moods.get(place) ?? { kind: 'none' }
  moods.delete(place)
  const entry = place === 'token' ? await note(ctx, kind) : {}
  if (kind === 'unavailable') {
    entry.status = answer(ctx, 503, 'out of order')
    return
  }
  await next()
  entry.status = ctx.status
  entry.error = ctx.body?.error ?? null
  entry.why = ctx.state.why ?? null
  if (kind === 'delay') await pause(ms)
  if (kind === 'broken') answer(ctx, 500, 'out of order')
  if (kind === 'empty') answer(ctx, 200, {})
  if (kind === 'garbled') answer(ctx, 200, '<html><title>Welcome</title></html>')
  if (kind === 'drop') {
    ctx.respond = false
    ctx.req.socket.destroy()
  }
}

async function note(ctx, kind) {
  const body = await text(ctx.req)
  ctx.req.body = body // the stream is spent: the provider takes this instead
  const form = new URLSearchParams(body)
  const entry = {
    grant_type: form.get('grant_type'),
    refresh: digest(form.get('refresh_token')),
    mood: kind,
    status: null,
    error: null,
    why: null,
  }
  requests.push(entry)
  return entry
}

function answer(ctx, status, body) {
  ctx.body = body
  return (ctx.status = status)
}

function digest(secret) {
  return secret && createHash('sha256').update(secret).digest('hex')
}

async function answerControl(request, response) {
  if (request.method === 'POST') await obey(JSON.parse(await text(request)))
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify({ requests }))
}

async function obey(order) {
  if (order.forget) {
    requests = []
    moods.clear()
  }
  if (order.ttl) ttl = order.ttl
  if (order.mood) moods.set(order.mood.on, order.mood)
  const door = order.forget ? 'open' : order.door
  if (door === 'open' && !front.listening) await listen(front, port)
  if (door === 'closed' && front.listening) {
    const closed = once(front, 'close')
    front.close()
    front.closeAllConnections()
    await closed
  }
}
