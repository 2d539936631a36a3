import { describe, expect, it } from 'vitest'
import { textsIn } from './texts.ts'

/** The texts of a file that holds these lines. */
const found = (file: string, ...lines: readonly string[]): readonly string[] =>
  textsIn(file, lines.join('\n')).map(({ text }) => text)

describe('the texts of messages', () => {
  it('are all literals with a word and a blank, where a room holds nothing else', () => {
    const lines = [
      "import { a } from 'some where'",
      "type Kind = 'scope map'",
      'const what = `no ${kind} is named "${name}"`',
      "report(what, isOne ? 'did you mean it?' : 'word', ', ')",
      "if (kind === 'scope map') declared.claim('role assignment', name)",
      "const HELP = { explanation: 'what it is about', fix: 'what to do', 'a key': 1 }",
    ]
    expect(found('src/files/a.ts', ...lines)).toEqual(['no … is named "…"', 'did you mean it?', 'what to do'])
  })

  it('are what an error is made of, in the commands', () => {
    expect(
      found(
        'src/cli/a.ts',
        "output.out('all is well')",
        "throw new CommandError(2, 'it is wrong', { hint: HINT })",
        "const HINT = 'mend it so'",
        "const OTHER = 'never said'",
        'function check(what, hint) {',
        "  const why = hint === '' ? 'without a hint' : hint",
        '  throw new CommandError(1, `${what} fails: ${why}`)',
        '}',
        "function other() { const why = 'not this one'; return why }",
        "check('one shard', mend(`in ${place} here`))",
        "output.error('the last good ones stay')",
      ),
    ).toEqual([
      'it is wrong',
      'mend it so',
      'without a hint',
      '… fails: …',
      'one shard',
      'in … here',
      'the last good ones stay',
    ])
  })
})
