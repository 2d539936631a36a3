/** Help texts: that all of them fit a terminal of 80 columns, and how they are made to. */
import type { Command } from 'commander'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { program } from '../../../src/cli/program.ts'
import { fitHelp, wrap } from '../../../src/cli/terminal/help.ts'

const pathsOf = (command: Command, path: readonly string[] = []): readonly (readonly string[])[] => [
  path,
  ...command.commands.flatMap((child) => pathsOf(child, [...path, child.name()])),
]
const paths = pathsOf(await program())

afterEach(() => vi.restoreAllMocks())

describe('help', () => {
  it.each(paths.map((path) => [path.join(' '), path] as const))('of dockgate %s fits 80 columns', async (_, path) => {
    let text = ''
    vi.spyOn(process.stdout, 'write').mockImplementation((piece) => {
      text += String(piece)
      return true
    })
    const shown = (await program(path)).parseAsync([...path, '--help'], { from: 'user' })
    await expect(shown).rejects.toMatchObject({ exitCode: 0 })
    expect(text).toContain('Usage: dockgate')
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  it('fills paragraphs, and leaves headings and examples in their lines', () => {
    const text = 'Examples:\n  dockgate can x\n\none two\nthree four\n'
    expect(fitHelp(text, 20)).toEqual(['Examples:', '  dockgate can x', '', 'one two three four'])
    expect(fitHelp(text, 14)).toEqual(['Examples:', '  dockgate can x', '', 'one two three', 'four'])
  })

  it('breaks an example where a shell reads on, and puts its remark below', () => {
    expect(fitHelp('  dockgate push --remote --key keys/key.json     for the real gate', 32)).toEqual([
      '  dockgate push --remote \\',
      '    --key keys/key.json',
      '      for the real gate',
    ])
  })

  it.each<readonly [string, number, readonly string[]]>([
    ['', 10, []],
    ['one', 10, ['one']],
    ['a word that is long', 6, ['a word', 'that', 'is', 'long']],
    ['unbreakable-thing x', 5, ['unbreakable-thing', 'x']],
  ])('wraps %j to %i columns', (text, width, lines) => {
    expect(wrap(text, width)).toEqual(lines)
  })
})
