/** The tests of the documents themselves: what they find, and what they let pass. */
import { describe, expect, it } from 'vitest'
import { blocksOf, commandsOf } from './markdown.ts'
import { matches, unknownUses } from './shown.ts'

describe('shown output', () => {
  it.each([
    ['the same', ['a', 'b'], ['a', 'b']],
    ['any text in a line', ['{"code":"DENIED",…}'], ['{"code":"DENIED","x":1}']],
    ['any lines', ['a', '…', 'd'], ['a', 'b', 'c', 'd']],
    ['no line for any lines', ['a', '…'], ['a']],
    ['signs that patterns know', ['a.b (c)* [d]'], ['a.b (c)* [d]']],
  ])('matches %s', (_, shown, lines) => {
    expect(matches(shown, lines)).toBe(true)
  })

  it.each([
    ['another word', ['allow'], ['deny']],
    ['a line too many', ['a'], ['a', 'b']],
    ['a line too few', ['a', 'b'], ['a']],
    ['a longer line', ['a'], ['ab']],
    ['signs taken as patterns', ['a.b'], ['axb']],
    ['nothing for a text', ['a', '…', 'd'], ['a', 'b']],
  ])('does not match %s', (_, shown, lines) => {
    expect(matches(shown, lines)).toBe(false)
  })
})

describe('blocks', () => {
  const document = [
    '<!-- not run: needs docker -->',
    '',
    '    $ docker ps',
    '',
    'text',
    '',
    '<!-- write: a.yaml -->',
    '',
    '```yaml',
    'tokens: {}',
    '```',
    '',
    '    $ dockgate check',
    '    valid',
    '',
    '    $ dockgate roles',
  ].join('\n')

  it('carry the marks before them, and no other', () => {
    const [first, second, third] = blocksOf(document)
    expect(first).toEqual({ line: 3, language: '', text: '$ docker ps', notRun: 'needs docker' })
    expect(second).toEqual({ line: 9, language: 'yaml', text: 'tokens: {}', write: 'a.yaml' })
    expect(third?.notRun).toBeUndefined()
  })

  it('hold commands and what is below each', () => {
    expect(blocksOf(document).flatMap(commandsOf)).toEqual([
      { line: 3, text: 'docker ps', output: [] },
      { line: 13, text: 'dockgate check', output: ['valid'] },
      { line: 16, text: 'dockgate roles', output: [] },
    ])
  })
})

describe('commands and options', () => {
  const options = new Map([
    ['dockgate push', ['--remote', '--key']],
    ['dockgate token create', ['--scope-map']],
  ])

  it.each([
    ['an option that there is not', '$ dockgate push --remot', ['dockgate push --remot']],
    ['a command that there is not', '$ npx dockgate pusch', ['dockgate pusch']],
    ['one inside a pipe', '$ cat x | dockgate push --file', ['dockgate push --file']],
    ['one of a subcommand', '  dockgate token create ci --scopemap x', ['dockgate token create --scopemap']],
    ['one after a variable', 'A=b dockgate push --x', ['dockgate push --x']],
  ])('%s is found', (_, text, found) => {
    expect(unknownUses(text, options)).toEqual(found)
  })

  it.each([
    ['known ones', '$ npx dockgate push --remote --key k'],
    ['those of other commands next to it', '$ dockgate token create ci --scope-map m | docker login --password-stdin'],
    ['remarks next to it', '  dockgate push      what --this does'],
    ['sentences', 'The dockgate pushes --everything'],
  ])('%s are not', (_, text) => {
    expect(unknownUses(text, options)).toEqual([])
  })
})
