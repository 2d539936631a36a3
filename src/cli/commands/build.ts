/** `dockgate build`: a bundle without a store, to look at, to compare and to keep. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { shardKey } from '../../bundle/digest.ts'
import { type EncodedShard, encodeBundle } from '../../bundle/encode.ts'
import { formatManifest, type Manifest } from '../../bundle/manifest.ts'
import { signManifest } from '../../bundle/sign.ts'
import type { CompiledPolicy } from '../../policy/decide/compiled.ts'
import { DEFAULT_DIRECTORY, readPolicies } from '../answers/policies.ts'
import { nextSerial } from '../bundles/bundle-history.ts'
import { DEFAULT_POINTER, DEFAULT_STATE } from '../bundles/kv-options.ts'
import { addLabelOptions, type LabelOptions, labelOf, named } from '../bundles/label.ts'
import { needSigningKey } from '../keys/key-files.ts'
import { CommandError } from '../terminal/command-error.ts'
import { formatBytes, formatCount } from '../terminal/format.ts'
import * as output from '../terminal/output.ts'
import { showing } from '../terminal/progress.ts'

type Options = LabelOptions & {
  readonly policies: string
  readonly out?: string
  readonly key?: string
  readonly pointer: string
  readonly json?: true
}

const EXAMPLES = `
Examples:
  dockgate build                                            compile, and say how large the bundle would be
  dockgate build -o dist/policy --key keys/policy-signing-key.json`

/** The command `dockgate build` with its arguments, options and action. */
export const buildCommand = (): Command =>
  addLabelOptions(new Command('build').description('compile and sign the policies, and report sizes'))
    .option('--policies <dir>', 'policy folder', DEFAULT_DIRECTORY)
    .option('-o, --out <dir>', 'write the signed manifest and the shards there')
    .option('--key <file>', 'private key that signs (default: DOCKGATE_SIGNING_KEY, then that of the local state)')
    .option('--pointer <key>', 'key of the pointer for which to sign', DEFAULT_POINTER)
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      const { policies: directory, out, key: keyFile, pointer, json } = options
      const keyOptions = { ...(keyFile === undefined ? {} : { key: keyFile }), stateDirectory: DEFAULT_STATE }
      const key = out === undefined ? undefined : await needSigningKey(keyOptions)
      const { compiled } = await readPolicies(directory, { json })
      const label = await labelOf(options, directory)
      const sizes: number[] = []
      const created = Math.floor(Date.now() / 1000)
      if (out !== undefined) await makeFolder(out)
      const names = {
        pointer,
        serial: nextSerial(undefined, created),
        created,
        ...(label === undefined ? {} : { label }),
      }
      const manifest = await encode(compiled, names, async (shard) => {
        sizes.push(shard.bytes)
        if (out !== undefined) await write(join(out, 'shards', fileOf(shard.digest)), shard.text)
      })
      const text = key === undefined ? undefined : await signManifest(manifest, key)
      if (out !== undefined && text !== undefined) await write(join(out, 'pointer.jws'), text)
      const { serial, principals, grants, bytes } = manifest
      const manifestBytes = text?.length ?? formatManifest(manifest).byteLength
      const largest = Math.max(...sizes)
      if (json === true) {
        const shards = { total: sizes.length, largestBytes: largest }
        output.json('build', {
          serial,
          ...(label === undefined ? {} : { label }),
          principals,
          grants,
          shards,
          bytes: { total: bytes, manifest: manifestBytes },
          ...(out === undefined ? {} : { out }),
        })
        return
      }
      output.out(
        out === undefined ? `bundle of ${directory}` : `bundle ${named(serial, label)} of ${directory} in ${out}`,
      )
      output.out(`  principals  ${formatCount(principals)}`)
      output.out(`  grants      ${formatCount(grants)}`)
      output.out(`  shards      ${formatCount(sizes.length)}, the largest ${formatBytes(largest)}`)
      output.out(`  size        ${formatBytes(bytes)}, and the manifest's ${formatBytes(manifestBytes)}`)
    })

const encode = (
  policy: CompiledPolicy,
  names: Parameters<typeof encodeBundle>[1],
  emit: (shard: EncodedShard) => Promise<void>,
): Promise<Manifest> =>
  showing('encoding', (tell) =>
    encodeBundle(policy, names, async (shard) => {
      tell(`${formatCount(shard.index)} shards`)
      await emit(shard)
    }),
  )

/** `sha256-…`: a colon is not a character for a file's name everywhere. */
const fileOf = (digest: string): string => `${shardKey(digest).replace(':', '-')}.json`

const makeFolder = (folder: string) =>
  mkdir(join(folder, 'shards'), { recursive: true }).catch((cause: unknown) => {
    throw new CommandError(3, `the folder ${folder} cannot be made`, { hint: 'choose another with --out', cause })
  })

const write = (file: string, text: string) =>
  writeFile(file, text).catch((cause: unknown) => {
    throw new CommandError(3, `${file} cannot be written`, { hint: 'choose another folder with --out', cause })
  })
