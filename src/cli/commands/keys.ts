/** `dockgate keys`: the keys that bundles and tokens are signed with. */
import { Command, Option } from 'commander'
import { ALGORITHMS, type Algorithm } from '../../bundle/keys.ts'
import { generateKeys, KEY_FILES, type KeyTexts, writeKeys } from '../keys/key-files.ts'
import * as output from '../terminal/output.ts'

type Options = { readonly algorithm: Algorithm; readonly out?: string; readonly json?: true }

const PLACES: Readonly<Record<keyof KeyTexts, string>> = {
  policySigningKey:
    'signs bundles; stays with the person or the pipeline that pushes: `dockgate push --key FILE`, or DOCKGATE_SIGNING_KEY in CI',
  policyPublicKeys: 'verifies bundles; the variable POLICY_PUBLIC_KEYS of the Worker, in wrangler.toml',
  tokenSigningKey:
    'signs access tokens; the secret TOKEN_SIGNING_KEY of the Worker: `npx wrangler secret put TOKEN_SIGNING_KEY`',
}

const EXAMPLES = `
Examples:
  dockgate keys generate --out keys        three files in keys/, readable by you alone
  dockgate keys generate --json            the same on standard output

To replace a key, put the old and the new public key into POLICY_PUBLIC_KEYS, deploy, push with the new
one, and take the old one out when every bundle is signed by the new one.`

/** The command `dockgate keys` with its arguments, options and action. */
export const keysCommand = (): Command =>
  new Command('keys').description('make the keys that sign bundles and tokens').addCommand(generateCommand())

const generateCommand = (): Command =>
  new Command('generate')
    .description('make a key pair for bundles and a key for tokens')
    .addOption(new Option('--algorithm <name>', 'of the key for bundles').choices(ALGORITHMS).default('EdDSA'))
    .option('--out <dir>', 'write files there; never overwrites one')
    .option('--json', 'print the keys, or with --out the names of the files, as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async ({ algorithm, out, json }: Options) => {
      const keys = await generateKeys(algorithm)
      if (out === undefined) {
        print(keys, json === true)
        return
      }
      await writeKeys(out, keys)
      const files = eachKey((name) => `${out}/${KEY_FILES[name]}`)
      if (json === true) output.json('keys generate', files)
      else for (const name of NAMES) output.out([`${out}/${KEY_FILES[name]}`, `    ${PLACES[name]}`])
    })

const NAMES = ['policySigningKey', 'policyPublicKeys', 'tokenSigningKey'] as const

const eachKey = <T>(of: (name: keyof KeyTexts) => T): Record<keyof KeyTexts, T> => ({
  policySigningKey: of('policySigningKey'),
  policyPublicKeys: of('policyPublicKeys'),
  tokenSigningKey: of('tokenSigningKey'),
})

function print(keys: KeyTexts, asJson: boolean): void {
  if (asJson) {
    output.json(
      'keys generate',
      eachKey((name): Record<string, unknown> => JSON.parse(keys[name])),
    )
    return
  }
  for (const name of NAMES) {
    output.note(`${name}: ${PLACES[name]}`)
    output.out(keys[name])
  }
}
