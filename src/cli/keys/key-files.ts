/**
 * Where keys lie: in files that only their owner may read, or in the environment. A key is never overwritten, never shown
 * in an error, and never leaves this process.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Algorithm, generateKey, parseSigningKey, type SigningKey } from '../../bundle/keys.ts'
import { CommandError } from '../terminal/command-error.ts'
import { ignoreInGit } from './git-ignore.ts'

/** Names of the files that `dockgate keys generate` writes. */
export const KEY_FILES = {
  policySigningKey: 'policy-signing-key.json',
  policyPublicKeys: 'policy-public-keys.json',
  tokenSigningKey: 'token-signing-key.json',
} as const

/** What `dockgate keys generate` makes, each as JSON text. */
export type KeyTexts = Readonly<Record<keyof typeof KEY_FILES, string>>

/** Makes new keys of a gate, as the texts of their files. */
export async function generateKeys(algorithm: Algorithm): Promise<KeyTexts> {
  const [policy, token] = await Promise.all([generateKey(algorithm), generateKey('ES256')])
  return {
    policySigningKey: JSON.stringify(policy.private),
    policyPublicKeys: JSON.stringify({ keys: [policy.public] }),
    tokenSigningKey: JSON.stringify(token.private),
  }
}

/**
 * Writes the keys into files that only this user may read, and keeps the private ones out of git.
 *
 * @throws {@link CommandError} 1 when one of the files exists, 3 when one cannot be written
 */
export async function writeKeys(directory: string, keys: KeyTexts): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await ignoreInGit(directory, [`/${KEY_FILES.policySigningKey}`, `/${KEY_FILES.tokenSigningKey}`])
  } catch (cause) {
    throw unusable(directory, cause)
  }
  for (const name of ['policySigningKey', 'policyPublicKeys', 'tokenSigningKey'] as const) {
    const file = join(directory, KEY_FILES[name])
    try {
      await writeFile(file, `${keys[name]}\n`, { mode: 0o600, flag: 'wx' })
    } catch (cause) {
      if (!isCode(cause, 'EEXIST')) throw unusable(file, cause)
      throw new CommandError(1, `${file} exists and is not overwritten`, {
        hint: 'name another folder with --out, or move the old keys away',
        cause,
      })
    }
  }
}

/** The keys of a development gate: those of the state folder, made when it has none. */
export async function developmentKeys(stateDirectory: string): Promise<KeyTexts> {
  const directory = join(stateDirectory, 'keys')
  const known = await readText(join(directory, KEY_FILES.policySigningKey))
  if (known === undefined) await writeKeys(directory, await generateKeys('EdDSA'))
  const read = async (name: keyof typeof KEY_FILES) => {
    const file = join(directory, KEY_FILES[name])
    const text = await readText(file)
    if (text !== undefined) return text.trim()
    throw new CommandError(1, `${file} is missing`, { hint: `remove ${directory} to have new keys made` })
  }
  return {
    policySigningKey: await read('policySigningKey'),
    policyPublicKeys: await read('policyPublicKeys'),
    tokenSigningKey: await read('tokenSigningKey'),
  }
}

/** Options that name the signing key. */
export type SigningKeyOptions = {
  /** A file. */
  readonly key?: string
  /** Only for local KV: the folder whose own key signs when no other is given. */
  readonly stateDirectory?: string
}

/** The key in the file, else that of DOCKGATE_SIGNING_KEY, else that of the state folder; nothing when there is none. */
export async function findSigningKey({ key, stateDirectory }: SigningKeyOptions): Promise<SigningKey | undefined> {
  if (key !== undefined) {
    const text = await readText(key)
    if (text === undefined) throw new CommandError(2, `the file ${key} does not exist`, { hint: HOW_TO_MAKE_ONE })
    return parse(text, key)
  }
  const variable = process.env.DOCKGATE_SIGNING_KEY
  if (variable !== undefined && variable !== '') return parse(variable, 'DOCKGATE_SIGNING_KEY')
  if (stateDirectory === undefined) return undefined
  const file = join(stateDirectory, 'keys', KEY_FILES.policySigningKey)
  const text = await readText(file)
  return text === undefined ? undefined : parse(text, file)
}

const HOW_TO_MAKE_ONE =
  'make one with `dockgate keys generate --out keys`, then give it with `--key keys/policy-signing-key.json` or in DOCKGATE_SIGNING_KEY'

/** @throws {@link CommandError} 2 when there is none */
export async function needSigningKey(options: SigningKeyOptions): Promise<SigningKey> {
  const found = await findSigningKey(options)
  if (found !== undefined) return found
  throw new CommandError(2, 'the key that signs the bundle is missing', { hint: HOW_TO_MAKE_ONE })
}

async function parse(text: string, place: string): Promise<SigningKey> {
  try {
    return await parseSigningKey(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError(2, `${place} holds no signing key: ${why}`, { hint: HOW_TO_MAKE_ONE, cause })
  }
}

/** The text of a file; nothing when there is none. @throws {@link CommandError} 3 when it cannot be read */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return undefined
    throw unusable(file, cause)
  }
}

const unusable = (file: string, cause: unknown): CommandError =>
  new CommandError(3, `${file} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
