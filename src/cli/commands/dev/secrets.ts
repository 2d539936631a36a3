/**
 * Secrets of a development gate, made once per checkout and kept in the state folder: a password for each token of the
 * policy set that has none of its own. They are good for that gate only and are never written into the policy files.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PolicySet, Token } from '../../../policy/model.ts'
import { ignoreInGit } from '../../keys/git-ignore.ts'
import { newSecret, sha256Hex } from '../../keys/secret.ts'

/** Name of the credential that a token gets here. */
const DEVELOPMENT_CREDENTIAL = 'development'

const PASSWORD_FILE = 'development-passwords.json'

/** Where the generated passwords lie, by token name. */
export const passwordFileIn = (stateDirectory: string): string => join(stateDirectory, PASSWORD_FILE)

/** Policies whose tokens all have a password, and the generated passwords. */
export type DevelopmentPolicies = {
  readonly policies: PolicySet
  /** Token name to password, of the tokens that had none. */
  readonly passwords: ReadonlyMap<string, string>
}

/** Gives each token without a password a generated one, kept in the state folder. */
export async function withDevelopmentSecrets(
  policies: PolicySet,
  stateDirectory: string,
): Promise<DevelopmentPolicies> {
  const file = passwordFileIn(stateDirectory)
  const kept = await readPasswords(file)
  const passwords = new Map<string, string>()
  const withSecret = (token: Token): Token => {
    if (token.credentials.length > 0) return token
    const password = kept.get(token.name) ?? newSecret()
    passwords.set(token.name, password)
    return { ...token, credentials: [{ name: DEVELOPMENT_CREDENTIAL, sha256: sha256Hex(password) }] }
  }
  const tokens = policies.tokens.map(withSecret)
  await mkdir(stateDirectory, { recursive: true })
  await ignoreInGit(stateDirectory, [`/${PASSWORD_FILE}`])
  await writeFile(file, `${JSON.stringify(Object.fromEntries([...kept, ...passwords]), null, 2)}\n`, { mode: 0o600 })
  return { policies: { ...policies, tokens }, passwords }
}

async function readPasswords(file: string): Promise<ReadonlyMap<string, string>> {
  let parsed: unknown
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'))
  } catch {
    // Missing or damaged: new ones are as good.
    return new Map()
  }
  const entries = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : []
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
