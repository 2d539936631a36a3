/** `dockgate status`: what is in the store, and what a gate uses. */
import { Command } from 'commander'
import { parsePublicKeys, type VerificationKeys } from '../bundle/keys.ts'
import { CommandError } from './command-error.ts'
import { type GatePolicy, gatePolicy } from './gate-status.ts'
import { readBundle, serialsOf } from './history.ts'
import { findSigningKey, KEY_FILES, readText } from './key-files.ts'
import { addKvOptions, type KvOptions, kvOf } from './kv-options.ts'
import * as output from './output.ts'
import { keyOptions } from './push.ts'
import { formatAge, formatBytes, formatCount, formatTime } from './sizes.ts'

type Options = KvOptions & {
  readonly key?: string
  readonly publicKeys?: string
  readonly url?: string
  readonly json?: true
}

const EXAMPLES = `
Examples:
  dockgate status --local
  dockgate status --remote --public-keys keys/policy-public-keys.json --url https://registry.example.com`

/** Bundles of the history that are shown. */
const SHOWN = 10

export const statusCommand = (): Command =>
  addKvOptions(new Command('status').description('show the bundle in force: serial, age, size, signer'))
    .option('--public-keys <file>', 'JWKS that verifies bundles (default: POLICY_PUBLIC_KEYS, then the signing key)')
    .option('--key <file>', 'private key whose public half verifies bundles')
    .option('--url <url>', 'ask the gate there which bundle it uses')
    .option('--json', 'print it as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      const kv = kvOf(options)
      const keys = await verificationKeys(options)
      const live = await readBundle(kv, options.pointer, keys)
      if (live === undefined) {
        throw new CommandError(1, `${kv.place} has no bundle under '${options.pointer}'`, {
          hint: 'run `dockgate push`',
        })
      }
      const gate = options.url === undefined ? undefined : await gatePolicy(options.url)
      const history = (await serialsOf(kv, options.pointer)).slice(0, SHOWN)
      const { manifest, keyId, text } = live
      const now = Math.floor(Date.now() / 1000)
      const { serial, created, expires, rollbackOf, principals, grants, bits, bytes } = manifest
      const expired = now >= expires
      if (options.json === true) {
        const facts = { serial, created, expires, rollbackOf, principals, grants, shards: 2 ** bits }
        const sizes = { total: bytes, manifest: text.length }
        output.json({
          ...facts,
          bytes: sizes,
          keyId,
          ageSeconds: now - created,
          expired,
          place: kv.place,
          history,
          gate,
        })
      } else {
        output.out(`bundle ${serial} in ${kv.place}`)
        if (rollbackOf !== undefined) output.out(`  rights of   ${rollbackOf} (a roll-back)`)
        output.out(`  made        ${formatTime(created)}, ${formatAge(now - created)} ago`)
        output.out(`  valid until ${formatTime(expires)}${expired ? ': EXPIRED' : `, ${formatAge(expires - now)}`}`)
        output.out(`  signed by   ${keyId}`)
        output.out(`  holds       ${formatCount(principals)} principals, ${formatCount(grants)} grants`)
        output.out(
          `  size        ${formatBytes(bytes)} in ${formatCount(2 ** bits)} shards, manifest ${formatBytes(text.length)}`,
        )
        if (options.url !== undefined) output.out(`  live        ${liveText(options.url, gate, serial)}`)
        output.out(`  can return  ${history.filter((known) => known !== serial).join(', ') || 'to none'}`)
      }
      if (expired || (options.url !== undefined && gate?.serial !== serial)) process.exitCode = 1
    })

function liveText(url: string, gate: GatePolicy | undefined, serial: number): string {
  if (gate === undefined) return `${url} has no policy`
  return gate.serial === serial ? `at ${url}` : `not yet: ${url} uses bundle ${gate.serial}`
}

async function verificationKeys(options: Options): Promise<VerificationKeys> {
  const { publicKeys: file, key } = options
  if (file !== undefined && key !== undefined) {
    throw new CommandError(2, '--public-keys and --key are both given', { hint: 'leave one of them out' })
  }
  const json = file === undefined ? process.env.POLICY_PUBLIC_KEYS : await readText(file)
  if (file !== undefined && json === undefined) {
    throw new CommandError(2, `there is no file ${file}`, { hint: HOW_TO_HAVE_KEYS })
  }
  if (json !== undefined && key === undefined && (file !== undefined || json !== '')) {
    return parsePublicKeys(json).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause)
      const place = file ?? 'POLICY_PUBLIC_KEYS'
      throw new CommandError(2, `${place} holds no public keys: ${why}`, { hint: HOW_TO_HAVE_KEYS, cause })
    })
  }
  const signing = await findSigningKey(keyOptions(options))
  if (signing !== undefined) return signing.accepted
  throw new CommandError(2, 'there is no key to verify the bundle with', { hint: HOW_TO_HAVE_KEYS })
}

const HOW_TO_HAVE_KEYS = `give --public-keys with the ${KEY_FILES.policyPublicKeys} of \`dockgate keys generate\``
