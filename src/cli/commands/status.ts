/** `dockgate status`: what is in the store, and what a gate uses. */
import { Command } from 'commander'
import { formatTime } from '../../base/time.ts'
import type { VerificationKeys } from '../../bundle/keys.ts'
import type { Manifest } from '../../bundle/manifest.ts'
import { verifyManifest } from '../../bundle/verify.ts'
import { historyKey, readBundle, type Stored, serialsOf } from '../bundles/bundle-history.ts'
import { type GatePolicy, gatePolicy, isGateOf } from '../bundles/gate-status.ts'
import type { BulkKv } from '../bundles/kv.ts'
import { addKvOptions, type KvOptions, needTarget, sameStore, withKv } from '../bundles/kv-options.ts'
import { named } from '../bundles/label.ts'
import { addVerificationOptions, type VerificationOptions, verificationKeys } from '../keys/verification-keys.ts'
import { CommandError } from '../terminal/command-error.ts'
import { commandLine } from '../terminal/command-line.ts'
import { formatAge, formatBytes, formatCount } from '../terminal/format.ts'
import * as output from '../terminal/output.ts'
import { showing } from '../terminal/progress.ts'

type Options = KvOptions &
  VerificationOptions & {
    readonly url?: string
    readonly json?: true
  }

const EXAMPLES = `
Examples:
  dockgate status --local
  dockgate status --remote --public-keys keys/policy-public-keys.json --url https://registry.example.com`

/** Bundles of the history that are shown. */
const SHOWN = 10

/** The command `dockgate status` with its arguments, options and action. */
export const statusCommand = (): Command =>
  addVerificationOptions(
    addKvOptions(new Command('status').description('show the bundle in force: serial, label, age, size, signer')),
  )
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
const uses = (gate: GatePolicy | undefined, manifest: Manifest): boolean =>
  gate?.serial === manifest.serial && isGateOf(gate, { pointer: manifest.pointer, service: manifest.common.service })

function liveText(url: string, gate: GatePolicy | undefined, manifest: Manifest): string {
  if (gate === undefined) return `${url} has no policy`
  if (uses(gate, manifest)) return `at ${url}`
  const { service = manifest.common.service, pointer = manifest.pointer } = gate
  if (service !== manifest.common.service || pointer !== manifest.pointer) {
    return `no: ${url} is the gate of ${service}, with the policy under the key ${pointer}`
  }
  return `not yet: ${url} uses bundle ${named(gate.serial, gate.label)}`
}
