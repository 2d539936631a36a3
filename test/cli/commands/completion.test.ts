import { execFileSync } from 'node:child_process'
import type { Command } from 'commander'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { completionCommand } from '../../../src/cli/commands/completion.ts'
import { program } from '../../../src/cli/program.ts'

afterEach(() => vi.restoreAllMocks())

async function script(shell: string): Promise<string> {
  let text = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    text += String(piece)
    return true
  })
  await completionCommand().parseAsync([shell], { from: 'user' })
  vi.restoreAllMocks()
  return text
}

const bash = await script('bash')

/** What bash offers after these words, the last of which is being typed. */
function offers(...words: string[]): readonly string[] {
  const line = `COMP_WORDS=(dockgate "$@"); COMP_CWORD=$#; _dockgate; printf '%s\\n' "\${COMPREPLY[@]}"`
  const printed = execFileSync('bash', ['-c', `${bash}\n${line}`, 'bash', ...words], { encoding: 'utf8' })
  return printed.split('\n').filter((word) => word !== '')
}

describe('completion in bash', () => {
  it.each([
    [['to'], ['token']],
    [
      ['token', ''],
      ['create', 'rotate', 'disable', 'enable'],
    ],
    [['token', 'create', '--scope'], ['--scope-map']],
    [['token', 'create', 'ci', '--no'], ['--no-expiry']],
    [
      ['token', '--policies', 'token', 'rotate', 'ci', '--password', ''],
      ['password1', 'password2'],
    ],
    [
      ['import', 'azure', '--mode', ''],
      ['abac', 'rbac'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['--ver'], ['--version']],
  ])('%j', (words, expected) => {
    expect(offers(...words)).toEqual(expected)
  })
})

describe('every script', () => {
  const all = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(all)]

  it.each(['bash', 'zsh', 'fish'])('of %s knows every command and option', async (shell) => {
    const text = await script(shell)
    for (const command of all(await program())) {
      for (const { name } of command.commands.map((child) => ({ name: child.name() }))) expect(text).toContain(name)
      for (const { long } of command.options) expect(text).toContain(shell === 'fish' ? `-l ${long?.slice(2)}` : long)
    }
  })
})
