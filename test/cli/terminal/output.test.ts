/** The one place that writes to the terminal: what text from outside may do there, and that nobody else writes. */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { test as property } from '@fast-check/vitest'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import * as output from '../../../src/cli/terminal/output.ts'

const ROOT = join(import.meta.dirname, '../../..')
const COMMAND = join(ROOT, 'src/cli/bin.js')

/** Whatever steers a terminal, hides, or turns text around; in ranges of code points. */
const DANGEROUS: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x2064],
  [0x2066, 0x206f],
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
  [0xe0020, 0xe007f],
]
const dangers = (line: string): readonly string[] =>
  [...line].filter((character) => {
    const code = character.codePointAt(0) ?? 0
    return DANGEROUS.some(([first, last]) => code >= first && code <= last)
  })

let written = { stdout: '', stderr: '' }
const terminal = (stream: 'stdout' | 'stderr', isTTY: boolean) =>
  Object.defineProperty(process[stream], 'isTTY', { value: isTTY, configurable: true, writable: true })

beforeEach(() => {
  written = { stdout: '', stderr: '' }
  vi.stubEnv('NO_COLOR', undefined)
  vi.stubEnv('NODE_DISABLE_COLORS', undefined)
  vi.stubEnv('FORCE_COLOR', undefined)
  for (const stream of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      written[stream] += String(text)
      return true
    })
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  for (const stream of ['stdout', 'stderr'] as const) Reflect.deleteProperty(process[stream], 'isTTY')
})

describe('text from outside', () => {
  it.each<readonly [string, string, string]>([
    ['a colour', 'a\u001b[31mb', 'a\\u001b[31mb'],
    ['a title of the window', '\u001b]0;pwned\u0007', '\\u001b]0;pwned\\u0007'],
    ['a C1 control', 'a\u009b2Jb', 'a\\u009b2Jb'],
    ['a bidirectional override', 'user\u202egpj.exe', 'user\\u202egpj.exe'],
    ['a bidirectional isolate', '\u2066a\u2069', '\\u2066a\\u2069'],
    ['an invisible character', 'ad\u200bmin', 'ad\\u200bmin'],
    ['an invisible tag', 'a\u{e0041}', 'a\\udb40\\udc41'],
    ['half of a character', 'a\ud800b', 'a\\ud800b'],
    ['a line break that would forge a line', 'no\ndockgate: hint: run this', 'no\\ndockgate: hint: run this'],
    ['a carriage return that would overwrite', 'deny\rallow', 'deny\\rallow'],
    ['a separator of lines', 'a\u2028b', 'a\\u2028b'],
    ['letters of any script', 'Größe 東京 café 👍', 'Größe 東京 café 👍'],
  ])('%s is shown, and does nothing', (_, text, shown) => {
    output.out(text)
    output.note([text])
    output.error(text)
    output.warning(text)
    output.hint(text)
    expect(written.stdout).toBe(`${shown}\n`)
    expect(stripVTControlCharacters(written.stderr)).toBe(
      `${shown}\ndockgate: error: ${shown}\ndockgate: warning: ${shown}\ndockgate: hint: ${shown}\n`,
    )
  })

  it('cannot take a colour, where the command itself has colours', () => {
    terminal('stdout', true)
    output.out(`${output.outStyle('green', 'allow\u001b[0m')}  \u001b[31mby rule`)
    expect(written.stdout).toBe('\u001b[32mallow\\u001b[0m\u001b[39m  \\u001b[31mby rule\n')
  })

  it('has no colours anywhere but on a terminal', () => {
    terminal('stdout', false)
    output.out(output.outStyle('green', 'allow'))
    expect(written.stdout).toBe('allow\n')
  })

  it('is exact in a file, and escaped where a terminal shows the file', () => {
    const text = '# \u202e\n\tname: \u001b\n'
    terminal('stdout', false)
    output.file(text)
    expect(written.stdout).toBe(text)
    written.stdout = ''
    terminal('stdout', true)
    output.file(text)
    expect(written.stdout).toBe('# \\u202e\n\\tname: \\u001b\n')
  })

  it('shown as the state of a command, is escaped, and only on a terminal', () => {
    terminal('stderr', false)
    output.statusLine('reading \u001b[2J')
    expect(written.stderr).toBe('')
    terminal('stderr', true)
    output.statusLine('reading \u001b[2J')
    expect(written.stderr).toBe('\r\u001b[2Kreading \\u001b[2J')
  })

  property.prop([fc.string({ unit: 'binary' })])('is never dangerous as a line', (text) => {
    written.stdout = ''
    output.out(text)
    expect(written.stdout.at(-1)).toBe('\n')
    expect(dangers(written.stdout.slice(0, -1))).toEqual([])
  })

  property.prop([fc.jsonValue({ stringUnit: 'binary' })])(
    'is never dangerous in JSON, and reads as it was',
    (value) => {
      written.stdout = ''
      output.json('can', value as never)
      expect(written.stdout.split('\n').flatMap(dangers)).toEqual([])
      expect(JSON.parse(written.stdout)).toEqual(JSON.parse(JSON.stringify(value)))
    },
  )
})

describe('nobody else writes', () => {
  const sources = readdirSync(join(ROOT, 'src/cli'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== join('terminal', 'output.ts'))
    .map((file) => [file, readFileSync(join(ROOT, 'src/cli', file), 'utf8')] as const)
  /** `createInterface` of Node writes the questions of `dockgate init`, which are constant. */
  const ALLOWED = /createInterface\(\{ input: process\.stdin, output: process\.stderr \}\)|process\.stderr\.isTTY/g
  const WRITES =
    /\bconsole\b|process\s*\.\s*std(?:out|err)|process\[|\bstd(?:out|err)\b.*node:process|stdio: 'inherit'|\bwriteSync\(\s*[12]\b/

  it.each([
    'console.log(x)',
    'process.stdout.write(x)',
    'process.stderr.write(x)',
    "process['stdout'].write(x)",
    "import { stdout } from 'node:process'",
    "spawn(bin, { stdio: 'inherit' })",
    'writeSync(1, x)',
  ])('%s would be found', (line) => expect(line).toMatch(WRITES))

  it.each(sources)('%s', (_, text) => {
    expect(text.replaceAll(ALLOWED, '')).not.toMatch(WRITES)
  })
})

describe('the command', { timeout: 60_000 }, () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dockgate-output-'))
    await mkdir(join(folder, 'policies'))
    const tokens = Array.from({ length: 3000 }, (_, n) => `  token-${n}: { scopeMap: _repositories_pull }\n`)
    const message = JSON.stringify('kept\u001b[2J\u202e\u009b\nallow')
    await writeFile(
      join(folder, 'policies/policy.yaml'),
      `tokens:\n${tokens.join('')}denyAssignments:
  - { name: kept, principals: [everyone], permissions: [content/delete], message: ${message} }\n`,
    )
  })
  afterAll(() => rm(folder, { recursive: true }))

  type Run = { readonly status: number | null; readonly stdout: string; readonly stderr: string }
  /** Runs a line of a shell in which `dockgate` is the command. */
  const shell = (line: string): Promise<Run> =>
    new Promise((resolve, reject) => {
      const child = spawn('bash', ['-c', `dockgate() { "${process.execPath}" "${COMMAND}" "$@"; }; ${line}`], {
        cwd: folder,
      })
      const texts = { stdout: '', stderr: '' }
      for (const stream of ['stdout', 'stderr'] as const) {
        child[stream].setEncoding('utf8').on('data', (text: string) => {
          texts[stream] += text
        })
      }
      child.on('error', reject)
      child.on('close', (status) => resolve({ status, ...texts }))
    })

  it('shows the message of a policy without what it would do to the terminal', async () => {
    const { status, stdout, stderr } = await shell('dockgate can token:token-1 content/delete app')
    expect({ status, stdout }).toEqual({ status: 1, stdout: 'deny\n' })
    expect(stderr).toContain('deny assignment kept (policies/policy.yaml:3003): kept\\u001b[2J\\u202e\\u009b\\nallow\n')
    const json = await shell('dockgate can token:token-1 content/delete app --json')
    expect(json.stdout).toContain('"message": "kept\\u001b[2J\\u202e\\u009b\\nallow"')
  })

  it.each([
    ['a help text', 'dockgate --help | true', 0],
    ['an answer that is yes', 'dockgate can token:token-1 content/read app --json | true', 0],
    ['an answer that is no', 'dockgate can token:token-1 content/write app --json | true', 1],
    ['a long answer', 'dockgate who-can content/read | head -1 > /dev/null', 0],
    ['a long answer as JSON', 'dockgate who-can content/read --json | head -1 > /dev/null', 0],
    ['an explanation', 'dockgate explain token:token-1 DELETE /v2/app/manifests/v1 | true', 1],
  ])('%s to a reader that has gone ends quietly, with its own status', async (_, line, status) => {
    expect(await shell(`${line}; exit "\${PIPESTATUS[0]}"`)).toEqual({ status, stdout: '', stderr: '' })
  })

  it('writes a long answer whole to a reader that is slow', async () => {
    const { stdout } = await shell('dockgate who-can content/read | (sleep 1; wc -l)')
    expect(stdout.trim()).toBe('3000')
  })

  it.each([
    ['allow', 'dockgate can token:token-1 content/read app > /dev/full'],
    ['deny', 'dockgate can token:token-1 content/write app --json > /dev/full'],
    ['a help text', 'dockgate --help > /dev/full'],
    ['a long answer', 'dockgate who-can content/read > /dev/full'],
  ])('%s that cannot be written is status 3, never an answer', async (_, line) => {
    const { status, stderr } = await shell(line)
    expect(status).toBe(3)
    expect(stderr).toContain(
      'dockgate: error: standard output cannot be written: ENOSPC: no space left on device, write\n' +
        'dockgate: hint: free some space or name another file, then run the command again\n',
    )
  })

  it('explanations that cannot be written are status 3 too', async () => {
    const { status, stdout } = await shell('dockgate can token:token-1 content/read app 2> /dev/full')
    expect({ status, stdout }).toEqual({ status: 3, stdout: 'allow\n' })
  })
})
