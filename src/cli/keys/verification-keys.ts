/** The public keys by which a command verifies the bundles of a store. */
import type { Command } from 'commander'
import { parsePublicKeys, type VerificationKeys } from '../../bundle/keys.ts'
import type { KvOptions } from '../bundles/kv-options.ts'
import { CommandError } from '../terminal/command-error.ts'
import { findSigningKey, KEY_FILES, readText } from './key-files.ts'
import { keyOptions } from './key-options.ts'

/** Options that name the keys which verify a bundle. */
export type VerificationOptions = Pick<KvOptions, 'remote' | 'state' | 'store'> & {
  readonly key?: string
  readonly publicKeys?: string
}

/** Adds the options that name verification keys to a command. */
export const addVerificationOptions = (command: Command): Command =>
  command
    .option('--public-keys <file>', 'JWKS that verifies bundles (default: POLICY_PUBLIC_KEYS, then the signing key)')
    .option('--key <file>', 'private key whose public half verifies bundles')

const HOW_TO_HAVE_KEYS = `give --public-keys with the ${KEY_FILES.policyPublicKeys} of \`dockgate keys generate\``

/** @throws {@link CommandError} 2 when there are no keys, or two places name some */
export async function verificationKeys(options: VerificationOptions): Promise<VerificationKeys> {
  const { publicKeys: file, key } = options
  if (file !== undefined && key !== undefined) {
    throw new CommandError(2, '--public-keys and --key are both given', { hint: 'leave one of them out' })
  }
  const json = file === undefined ? process.env.POLICY_PUBLIC_KEYS : await readText(file)
  if (file !== undefined && json === undefined) {
    throw new CommandError(2, `the file ${file} does not exist`, { hint: HOW_TO_HAVE_KEYS })
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
  throw new CommandError(2, 'the keys that verify the bundle are missing', { hint: HOW_TO_HAVE_KEYS })
}
