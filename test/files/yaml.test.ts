/** The two libraries that read YAML: what the quick one understands, both read the same, with the same places. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { Document, type Scalar, visit } from 'yaml'
import type { Tree } from '../../src/files/tree.ts'
import { readAny, readPlain } from '../../src/files/yaml.ts'

/** Mistakes to one library only. */
const LENIENT = ['TAB_AS_INDENT', 'BAD_INDENT']
const place = (offset: number) => `#${offset}`

/** Every node in document order, with its start. */
const nodesOf = (tree: Tree): readonly unknown[] =>
  Array.from({ length: tree.size }, (_, node) => [tree.startOf(node), tree.isAlias(node), tree.valueOf(node)])

function both(text: string) {
  const plain = readPlain(text, place)
  const any = readAny(text, place)
  return {
    plain: plain && { nodes: nodesOf(plain.tree), faults: plain.faults },
    any: { nodes: nodesOf(any.builder.tree), faults: any.builder.faults },
    faults: any.faults.map(({ code }) => code),
  }
}

describe('readPlain', () => {
  it.each([
    ['a: b'],
    ['a:\n  - b\n  - c: d\n    e: [f, {g: h, "i": \'j\'}]\n'],
    ['{"a": [1, -2.5e3, true, null, "\\u0041\\n\\ud83d\\ude00"], "b": {}, "c": []}'],
    ['a: |\n  text\nb: >- # comment | >\n  folded\n  text\n"c": |2+\n   x\n\n'],
    ['a: # none\nb:   \nc:\n'],
    ['a: &x [1, 2]\nb: *x\nc: [*x, *x]\nd: &y z\ne: *y\n'],
    ['5: a\nnull: b\n0x10: c\ntrue: d\n1.5: e\n'],
    [
      'a: [0x1F, 0o17, .inf, -.INF, .nan, 1e3, 1., .5, +12, 1_000, 0b1, yes, ~, Null, TRUE, "", 012, 1e999, -Infinity]\n',
    ],
    ['a: one\n  two\n\n  three\n'],
    ["a: \"one\\\n  two\n  three\"\nb: 'it''s\n  x'\n"],
    ['---\na: b\n...\n'],
    ['a: 1\r\nb:\r\n  - c\r\n  - d: |\r\n      e\r\n'],
    ['a: 1\na: 2\nb: { c: 1, c: 2, __proto__: 3 }\n'],
    ['a: *none\nb: &b [*b]\n'],
    ['# comment\n\n- a\n# comment\n- - b\n  - c\n'],
    ['just text'],
    ['[]'],
    ['a: &x\n  b: c\nd: *x\n'],
    ['- \'a\'\n- "b"\n- c # d\n'],
    ['? a\n: b\n'],
    ['a :  b\n"c" :\td\n'],
    ['constructor: a\ntoString: { hasOwnProperty: 1 }\n'],
  ])('reads %j', (text) => {
    const { plain, any } = both(text)
    expect(plain).toEqual(any)
  })

  it.each([
    ['a second document', 'a: b\n---\nc: d'],
    ['a directive', '%YAML 1.2\n---\na: b'],
    ['a tag', 'a: !!str b'],
    ['a lone carriage return', 'a: "b\rc"'],
    ['an anchor of a key', '&x a: *x'],
    ['an empty element', '- a\n-\n'],
    ['a block of text in a list', '- |\n  a'],
    ['an empty anchor', 'a: &x\nb: *x'],
    ['a key that is a list', '? [a]\n: b'],
    ['a key that is an alias', 'a: &x b\n*x : c'],
    ['a key without text', ': b'],
    ['a mistake', 'a: [b'],
    ['an alias that may be a key', 'a: &x b\nc: *x:'],
    ['an anchor that may be a key', '&x: b'],
    ['nothing', ''],
  ])('leaves %s to the other library', (_, text) => {
    expect(readPlain(text, place)).toBeUndefined()
  })

  const words = fc.oneof(
    fc.constantFrom(
      'a',
      'b: c',
      '- d',
      '# e',
      '*',
      '5',
      'null',
      '~',
      'true',
      '1.5',
      '',
      ' f ',
      'it\'s "g"',
      '{h}',
      '@i',
    ),
    fc.string({ unit: fc.constantFrom('a', ' ', '\n', ':', '#', '"', "'", '\\', '-', '|', '{', ',', 'é', '😀') }),
  )
  const data = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, words, fc.constantFrom(null, true, 0, -1.5), tie('list'), tie('map')),
    list: fc.array(tie('value'), { maxLength: 4 }),
    map: fc.dictionary(words, tie('value'), { maxKeys: 4 }),
  }))
  const styles = ['PLAIN', 'QUOTE_DOUBLE', 'QUOTE_SINGLE', 'BLOCK_LITERAL', 'BLOCK_FOLDED'] as const

  /** Data as YAML, in any styles. */
  function write(value: unknown, choices: readonly number[]): string {
    const document = new Document(value, { aliasDuplicateObjects: false })
    let next = 0
    const choose = () => choices[next++ % choices.length] ?? 0
    visit(document, {
      Scalar: (key, node: Scalar) => {
        const style = styles[choose() % styles.length]
        if (typeof node.value === 'string' && style !== undefined && key !== 'key') node.type = style
        if (choose() % 7 === 0) node.comment = ' a | comment: "x'
      },
      Collection: (_, node) => {
        node.flow = choose() % 3 === 0
      },
    })
    return document.toString({ lineWidth: (choose() % 3) * 20 })
  }
  const written = fc
    .tuple(data.value, fc.array(fc.nat(), { minLength: 1, maxLength: 20 }))
    .map((args) => write(...args))

  test.prop([written], { numRuns: 500 })('reads as the other library does', (text) => {
    const { plain, any } = both(text)
    if (plain !== undefined) expect(plain).toEqual(any)
  })

  test.prop([data.value, fc.constantFrom(undefined, 1, '\t')])('reads any JSON', (value, space) => {
    const text = JSON.stringify(value, null, space)
    const { plain, any } = both(text)
    expect(plain).toEqual(any)
    expect(JSON.parse(JSON.stringify(readPlain(text, place)?.tree.value))).toEqual(JSON.parse(text))
  })

  const damage = fc.constantFrom(...'\n \t:-#"\'[]{},&*!|>%@`?\\x0\r', '- ', ': ', '\n  ', '---', '<<: ')
  test.prop([written, fc.nat(), fc.nat({ max: 3 }), damage], { numRuns: 1000 })(
    'a damaged file too',
    (good, from, length, insert) => {
      const at = from % (good.length + 1)
      const text = good.slice(0, at) + insert + good.slice(at + length)
      const { plain, any, faults } = both(text)
      if (plain === undefined) return
      if (faults.length === 0) expect(plain).toEqual(any)
      // YAML 1.2 allows these: a tab is no indentation where none is needed.
      else expect(faults.filter((code) => !LENIENT.includes(code))).toEqual([])
    },
  )
})
