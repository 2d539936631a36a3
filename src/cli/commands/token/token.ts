/** `dockgate token`: tokens in the policy files, changed in place. A secret is shown once and never written. */

import { Command, Option } from 'commander'
import { nearest } from '../../../base/spelling.ts'
import { formatTime } from '../../../base/time.ts'
import { SYSTEM_SCOPE_MAPS } from '../../../policy/azure/scope-maps.ts'
import type { Credential, EpochSeconds, Token } from '../../../policy/model.ts'
import { TOKEN_NAME } from '../../../policy/principal.ts'
import { DEFAULT_DIRECTORY, otherThanDefault } from '../../answers/policies.ts'
import { newSecret, sha256Hex } from '../../keys/secret.ts'
import { CommandError } from '../../terminal/command-error.ts'
import { commandLine } from '../../terminal/command-line.ts'
import { calledAs } from '../../terminal/invocation.ts'
import * as output from '../../terminal/output.ts'
import { DEFAULT_DAYS, readExpiry } from './expiry.ts'
import { type Change, TokenFolder } from './folder.ts'

type Common = { readonly policies: string; readonly json?: true }
type Lifetime = { readonly expires?: string; readonly expiry: boolean }
type CreateOptions = Common & Lifetime & { readonly scopeMap?: string; readonly file?: string }
type RotateOptions = Common & Lifetime & { readonly password?: Slot }

const SLOTS = ['password1', 'password2'] as const
type Slot = (typeof SLOTS)[number]

const EXAMPLES = `
Examples:
  dockgate token create ci --scope-map samples-push
  dockgate token create nightly --scope-map _repositories_pull --expires 30d
  dockgate token rotate ci | docker login registry.example.com -u ci --password-stdin
  dockgate token disable ci

A password is printed once, alone, on standard output; the file keeps its SHA-256. Passwords end after ${DEFAULT_DAYS} days
unless another is given. Nothing is in force before \`dockgate push\`; a running \`dockgate dev\` takes it over by itself.`

/** The command `dockgate token` with its arguments, options and action. */
export const tokenCommand = (): Command =>
  new Command('token')
    .description('create, rotate, disable and enable tokens in the policy files')
    .addCommand(createCommand())
    .addCommand(rotateCommand())
    .addCommand(statusCommand('disable', 'disabled'))
    .addCommand(statusCommand('enable', 'enabled'))
    .addHelpText('after', EXAMPLES)

const subcommand = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .argument('<name>', 'name of the token')
    .option('--policies <dir>', 'policy folder', DEFAULT_DIRECTORY)
    .option('--json', 'print the result as JSON')

const addLifetime = (command: Command): Command =>
  command
    .option('--expires <when>', `a span such as 30d, or an RFC 3339 time (default: ${DEFAULT_DAYS}d)`)
    .option('--no-expiry', 'the password never ends')

const createCommand = (): Command =>
  addLifetime(
    subcommand('create', 'make a token with a password')
      .option('--scope-map <name>', 'what it may do: a scope map of the policies, or a system-defined one')
      .option('--file <file>', 'policy file to write to (default: the first that holds tokens)'),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: CreateOptions) => {
      const now = currentTime()
      const expires = expiryOf(options, now)
      if (!TOKEN_NAME.test(name) || name === '__proto__') {
        throw new CommandError(2, `"${name}" is not a name for a token`, {
          hint: 'use 1 to 50 letters, digits, - and _',
        })
      }
      const folder = await TokenFolder.open(options.policies, options)
      if (folder.token(name) !== undefined) {
        throw new CommandError(1, `the token ${name} exists`, {
          hint: `give it a new password with \`dockgate token rotate ${name}\``,
        })
      }
      const scopeMap = scopeMapOf(options.scopeMap, folder)
      const secret = newSecret()
      const file = folder.fileForNew(options.file)
      const value = { scopeMap, credentials: { password1: credentialOf(secret, expires) } }
      await folder.write(file, name, [{ path: [], value }])
      const about = { token: name, file: `${options.policies}/${file}`, password: SLOTS[0], ...ending(expires) }
      const lines = [`token ${name} is in ${about.file}, with the scope map ${scopeMap}, ${until(expires)}`]
      show(secret, lines, options, () => output.json('token create', { ...about, scopeMap, secret }))
    })

const rotateCommand = (): Command =>
  addLifetime(
    subcommand('rotate', 'give a token a second password next to the one in use').addOption(
      new Option('--password <slot>', 'the one to replace (default: a free one, else the one that ends first)').choices(
        SLOTS,
      ),
    ),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: RotateOptions) => {
      const now = currentTime()
      const expires = expiryOf(options, now)
      const folder = await TokenFolder.open(options.policies, options)
      const token = folder.needToken(name)
      const slot = options.password ?? slotToReplace(token.credentials, now)
      // The passwords of a token of an Azure list have an entry of their own.
      const file = folder.fileOf(name) ?? folder.fileForNew(undefined)
      const secret = newSecret()
      await folder.write(file, name, replacePassword(token, slot, credentialOf(secret, expires)))
      const about = { token: name, file: `${options.policies}/${file}`, password: slot, ...ending(expires) }
      const other = token.credentials.find((credential) => credential.name !== slot)
      const replaced = token.credentials.some((credential) => credential.name === slot)
      const lines = [
        `${slot} of token ${name} is ${replaced ? 'replaced' : 'new'} in ${about.file}, ${until(expires)}`,
        ...(other === undefined || isOver(other, now) ? [] : overlap(name, other, options)),
        ...(token.status === 'disabled'
          ? [`the token is disabled: \`${calledAs()} token enable ${name}${inFolder(options)}\` brings it back`]
          : []),
      ]
      show(secret, lines, options, () => output.json('token rotate', { ...about, secret }))
    })

const statusCommand = (verb: 'disable' | 'enable', status: Token['status']): Command =>
  subcommand(
    verb,
    status === 'disabled' ? 'take all rights from a token, and keep it' : 'let a disabled token work again',
  )
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: Common) => {
      const folder = await TokenFolder.open(options.policies, options)
      const token = folder.needToken(name)
      const file = folder.fileOf(name)
      const isChanged = token.status !== status
      if (isChanged) {
        if (file === undefined || folder.entry(file, name)?.scopeMap === undefined) {
          const { source } = token
          throw new CommandError(
            1,
            `the status of token ${name} comes from the Azure list in ${options.policies}/${source.file}:${source.line}`,
            { hint: `${verb} it in Azure and export the list again, or take it out of the list` },
          )
        }
        await folder.write(file, name, [{ path: ['status'], value: status }])
      }
      const about = {
        token: name,
        status,
        changed: isChanged,
        ...(file === undefined ? {} : { file: `${options.policies}/${file}` }),
      }
      if (options.json === true) output.json(`token ${verb}`, about)
      else output.out(isChanged ? `token ${name} is ${status} in ${about.file}` : `token ${name} was ${status} already`)
      if (isChanged) noteForce(options)
    })

/** The option that names the folder, where it has to be given. */
const inFolder = ({ policies }: Common): string => (policies === DEFAULT_DIRECTORY ? '' : ` --policies ${policies}`)

function noteForce(options: Common): void {
  const policies = otherThanDefault(options.policies)
  output.note([
    'not in force yet; to put it into force',
    `  at the gate on Cloudflare:  ${commandLine('push', { remote: true, policies })}`,
    `  in the local KV:            ${commandLine('push', { local: true, policies })}; a running \`dockgate dev\` does it by itself`,
  ])
}

const currentTime = (): EpochSeconds => Math.floor(Date.now() / 1000)

function expiryOf({ expires, expiry }: Lifetime, now: EpochSeconds): EpochSeconds | undefined {
  if (expiry) return readExpiry(expires ?? `${DEFAULT_DAYS}d`, now)
  if (expires === undefined) return undefined
  throw new CommandError(2, '--expires and --no-expiry contradict each other', { hint: 'leave one of them out' })
}

function scopeMapOf(wanted: string | undefined, { policies, directory }: TokenFolder): string {
  const names = [...policies.scopeMaps, ...SYSTEM_SCOPE_MAPS].map(({ name }) => name)
  const listed = `there are ${names.slice(0, 12).join(', ')}${names.length > 12 ? ', …' : ''}`
  if (wanted === undefined) {
    throw new CommandError(2, 'a token needs a scope map, which says what it may do', {
      hint: `add --scope-map NAME; ${listed}`,
    })
  }
  if (names.includes(wanted)) return wanted
  const near = nearest(wanted, names)
  throw new CommandError(1, `${directory} has no scope map "${wanted}"`, {
    hint: near === undefined ? listed : `did you mean ${near}?`,
  })
}

const credentialOf = (secret: string, expires: EpochSeconds | undefined) => ({
  sha256: sha256Hex(secret),
  ...(expires === undefined ? {} : { expires: formatTime(expires) }),
})

const isOver = ({ expires }: Credential, now: EpochSeconds): boolean => expires !== undefined && expires <= now

/** A free slot, else one that has ended, else the one that ends first. */
function slotToReplace(credentials: readonly Credential[], now: EpochSeconds): Slot {
  const of = (slot: Slot) => credentials.find(({ name }) => name === slot)
  const free = SLOTS.find((slot) => of(slot) === undefined)
  if (free !== undefined) return free
  const [first, second] = SLOTS.map((slot) => {
    const credential = of(slot)
    return credential === undefined || isOver(credential, now) ? now : (credential.expires ?? Number.POSITIVE_INFINITY)
  })
  return (second ?? 0) < (first ?? 0) ? 'password2' : 'password1'
}

/** Key by key where the password has an entry, so that comments next to its keys stay. */
function replacePassword(
  token: Token,
  slot: Slot,
  credential: { sha256: string; expires?: string },
): readonly Change[] {
  const path = ['credentials', slot]
  if (!token.credentials.some(({ name }) => name === slot)) return [{ path, value: credential }]
  const had = token.credentials.some(({ name, expires }) => name === slot && expires !== undefined)
  const keepsNone = !had && credential.expires === undefined
  return [
    { path: [...path, 'sha256'], value: credential.sha256 },
    ...(keepsNone ? [] : [{ path: [...path, 'expires'], value: credential.expires }]),
  ]
}

const ending = (expires: EpochSeconds | undefined) => (expires === undefined ? {} : { expires: formatTime(expires) })
const until = (expires: EpochSeconds | undefined) =>
  expires === undefined ? 'without end' : `until ${formatTime(expires)}`

const overlap = (name: string, { name: slot, expires }: Credential, options: Common): readonly string[] => [
  `${slot} stays valid ${until(expires)}; when nobody uses it any more: ${calledAs()} token rotate ${name} --password ${slot}${inFolder(options)}`,
]

/** The secret alone on standard output, so that a script can take it; the rest is for a person. */
function show(secret: string, lines: readonly string[], options: Common, showJson: () => void): void {
  output.note(lines)
  noteForce(options)
  if (options.json === true) {
    showJson()
    return
  }
  output.note('its password, shown this once:')
  output.out(secret)
}
