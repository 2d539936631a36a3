/** The requests of the soak's clients: allowed ones, and those that the gate has to refuse. */
import type { Got } from './client.ts'
import type { Ledger } from './ledger.ts'
import type { PolicyTurns } from './policy-turns.ts'
import { BASIC, DIGEST, FLIP, manifestPath, SERVICE, WRONG } from './world.ts'

/** How long a client uses one bearer token, in milliseconds. */
const BEARER_MS = 8000

const showsNothingHidden = ({ body }: Got): boolean => !body.includes('secret') && !body.includes('flip')

/** One request, or several that belong together. */
type Task = (ledger: Ledger, authorization: string, turns: PolicyTurns) => Promise<unknown>

const TASKS: readonly Task[] = [
  (ledger, authorization) => ledger.check({ method: 'GET', path: manifestPath('samples/app'), authorization }, 'allow'),
  (ledger, authorization) => ledger.check({ method: 'GET', path: manifestPath('secret/app'), authorization }, [403]),
  (ledger) => ledger.check({ method: 'GET', path: manifestPath('public/base') }, 'allow'),
  (ledger) => ledger.check({ method: 'GET', path: manifestPath('secret/app') }, [401]),
  (ledger, authorization) =>
    ledger.check({ method: 'PUT', path: manifestPath('samples/app'), authorization, body: '{}' }, 'allow'),
  (ledger, authorization) =>
    ledger.check({ method: 'PUT', path: manifestPath('public/base'), authorization, body: '{}' }, [403]),
  (ledger, authorization) =>
    ledger.check({ method: 'DELETE', path: manifestPath('samples/app'), authorization }, [403]),
  (ledger) => ledger.check({ method: 'GET', path: manifestPath('public/base'), authorization: WRONG }, [401]),
  (ledger) => ledger.check({ method: 'GET', path: '/v2/_catalog', authorization: BASIC }, 'allow', showsNothingHidden),
  (ledger, authorization) =>
    ledger.check({ method: 'GET', path: '/v2/samples/../secret/app/manifests/v1', authorization }, [400, 404]),
  (_ledger, _authorization, turns) => turns.flip(),
  upload,
  (ledger) =>
    ledger.check({ method: 'GET', path: `${manifestPath('secret/app')}?token=x`, authorization: 'Bearer x' }, [401]),
]

/** One client: task after task, with its password and with a bearer token in turn, until `isOver`. */
export async function runClient(
  number: number,
  ledger: Ledger,
  turns: PolicyTurns,
  isOver: () => boolean,
): Promise<void> {
  let bearer = await mint(ledger)
  let mintedAtMs = performance.now()
  for (let round = number; !isOver(); round++) {
    if (performance.now() - mintedAtMs > BEARER_MS) {
      bearer = await mint(ledger)
      mintedAtMs = performance.now()
    }
    await TASKS[round % TASKS.length]?.(ledger, round % 2 === 0 ? BASIC : bearer, turns)
  }
}

async function mint(ledger: Ledger): Promise<string> {
  const scopes = ['samples/app:pull,push,metadata_read', 'secret/app:pull'].map((scope) => `scope=repository:${scope}`)
  const path = `/token?service=${SERVICE}&${scopes.join('&')}`
  const got = await ledger.check({ method: 'GET', path, authorization: BASIC }, 'allow')
  const token: unknown = got.status === 200 ? JSON.parse(got.body).token : undefined
  return typeof token === 'string' ? `Bearer ${token}` : BASIC
}

async function upload(ledger: Ledger, authorization: string): Promise<void> {
  const started = await ledger.check({ method: 'POST', path: '/v2/samples/app/blobs/uploads/', authorization }, 'allow')
  if (started.status !== 202) return
  const [path = ''] = started.location.split('?', 1)
  // The bearer token was made for one repository, and goes to another one here.
  const inOther = authorization === BASIC ? [404] : [401]
  const otherPath = path.replace('/samples/app/', '/samples/other/')
  const alteredPath = `${path.slice(0, -1)}${path.endsWith('A') ? 'B' : 'A'}`
  await ledger.check({ method: 'GET', path, authorization: FLIP }, [403])
  await ledger.check({ method: 'PATCH', path: otherPath, authorization, body: 'x' }, inOther)
  await ledger.check({ method: 'PATCH', path: alteredPath, authorization, body: 'x' }, [404])
  const chunk = await ledger.check({ method: 'PATCH', path, authorization, body: 'bytes' }, 'allow')
  if (chunk.status !== 202) return
  await ledger.check({ method: 'PUT', path: `${chunk.location}&digest=${DIGEST}`, authorization }, 'allow')
}
