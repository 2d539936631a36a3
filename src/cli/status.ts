/** `dockgate status`: what is in the store, and what a gate uses. */
import { Command } from 'commander'
import { parsePublicKeys, type VerificationKeys } from '../bundle/keys.ts'
import type { Manifest } from '../bundle/manifest.ts'
import { verifyManifest } from '../bundle/verify.ts'
import { CommandError } from './command-error.ts'
import { commandLine } from './command-line.ts'
import { type GatePolicy, gatePolicy } from './gate-status.ts'
import { historyKey, readBundle, type Stored, serialsOf } from './history.ts'
import { findSigningKey, KEY_FILES, readText } from './key-files.ts'
import type { BulkKv } from './kv.ts'
import { addKvOptions, type KvOptions, needTarget, sameStore, withKv } from './kv-options.ts'
import { named } from './label.ts'
import * as output from './output.ts'
import { showing } from './progress.ts'
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
    .action(async (options: Options, command: Command) => {
      const target = needTarget(options, command)
      const keys = await verificationKeys(options)
      const { live, records, place } = await withKv(target, options, (kv) =>
        showing(`reading bundles from ${kv.place}`, () => readStore(kv, options, keys)),
      )
      const gate = options.url === undefined ? undefined : await gatePolicy(options.url)
      const history = records.map((record) => record.serial)
      const { manifest, keyId, text } = live
      const now = Math.floor(Date.now() / 1000)
      const { serial, label, pointer, created, expires, rollbackOf, principals, grants, bits, bytes } = manifest
      const { service } = manifest.common
      const expired = now >= expires
      if (options.json === true) {
        output.json('status', {
          serial,
          ...(label === undefined ? {} : { label }),
          service,
          pointer,
          created: formatTime(created),
          expires: formatTime(expires),
          ...(rollbackOf === undefined ? {} : { rollbackOf }),
          principals,
          grants,
          shards: 2 ** bits,
          bytes: { total: bytes, manifest: text.length },
          keyId,
          ageSeconds: now - created,
          expired,
          place,
          history,
          labels: Object.fromEntries(
            records.flatMap((record) => (record.label === undefined ? [] : [[record.serial, record.label]])),
          ),
          ...(options.url === undefined ? {} : { gate: gate ?? null }),
        })
      } else {
        output.out(`bundle ${named(serial, label)} in ${place}`)
        output.out(`  for         ${service}, under the key ${pointer}`)
        if (rollbackOf !== undefined) output.out(`  rights of   ${rollbackOf} (a roll-back)`)
        output.out(`  made        ${formatTime(created)}, ${formatAge(now - created)} ago`)
        output.out(`  valid until ${formatTime(expires)}${expired ? ': EXPIRED' : `, ${formatAge(expires - now)}`}`)
        output.out(`  signed by   ${keyId}`)
        output.out(`  holds       ${formatCount(principals)} principals, ${formatCount(grants)} grants`)
        output.out(
          `  size        ${formatBytes(bytes)} in ${formatCount(2 ** bits)} shards, manifest ${formatBytes(text.length)}`,
        )
        if (options.url !== undefined) output.out(`  live        ${liveText(options.url, gate, manifest)}`)
        for (const [index, line] of returnLines(records, serial).entries()) {
          output.out(`${index === 0 ? '  can return ' : '             '} ${line}`)
        }
      }
      if (expired || (options.url !== undefined && !uses(gate, manifest))) process.exitCode = 1
    })

type BundleRecord = { readonly serial: number; readonly label?: string }

/** The bundle in force and the newest records. Each access may take seconds, so both are read at once. */
async function readStore(
  kv: BulkKv,
  options: Options,
  keys: VerificationKeys,
): Promise<{ readonly live: Stored; readonly records: readonly BundleRecord[]; readonly place: string }> {
  const { pointer } = options
  const [live, records] = await Promise.all([readBundle(kv, pointer, keys), recordsOf(kv, pointer, keys)])
  if (live !== undefined) return { live, records, place: kv.place }
  throw new CommandError(1, `${kv.place} has no bundle under '${pointer}'`, {
    hint: `run \`${commandLine('push', sameStore(options))}\``,
  })
}

/** The newest records of a pointer, with the labels of those that these keys vouch for. */
async function recordsOf(kv: BulkKv, pointer: string, keys: VerificationKeys): Promise<readonly BundleRecord[]> {
  const serials = (await serialsOf(kv, pointer)).slice(0, SHOWN)
  const texts = await kv.getAll(serials.map((serial) => historyKey(pointer, serial)))
  return Promise.all(
    serials.map(async (serial) => {
      const text = texts.get(historyKey(pointer, serial))
      const verified = text === undefined ? undefined : await verifyManifest(text, keys, { pointer })
      const label = verified?.ok === true ? verified.value.manifest.label : undefined
      return { serial, ...(label === undefined ? {} : { label }) }
    }),
  )
}

function returnLines(records: readonly BundleRecord[], serial: number): readonly string[] {
  const others = records.filter((record) => record.serial !== serial)
  return others.length === 0 ? ['to none'] : others.map((record) => `to ${named(record.serial, record.label)}`)
}

/** Whether a gate uses this very bundle: one of another service or pointer may have the same serial. */
const uses = (gate: GatePolicy | undefined, { serial, pointer, common }: Manifest): boolean =>
  gate?.serial === serial &&
  (gate.pointer ?? pointer) === pointer &&
  (gate.service ?? common.service) === common.service

function liveText(url: string, gate: GatePolicy | undefined, manifest: Manifest): string {
  if (gate === undefined) return `${url} has no policy`
  if (uses(gate, manifest)) return `at ${url}`
  const { service = manifest.common.service, pointer = manifest.pointer } = gate
  if (service !== manifest.common.service || pointer !== manifest.pointer) {
    return `no: ${url} is the gate of ${service}, with the policy under the key ${pointer}`
  }
  return `not yet: ${url} uses bundle ${named(gate.serial, gate.label)}`
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
