/** The reader of YAML: it hands a text over in pieces, and no piece may change what is read, or where. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { Document, parseDocument, type Scalar, visit } from 'yaml'
import { type Tree, TreeBuilder } from '../../src/files/tree.ts'
import { readYaml } from '../../src/files/yaml.ts'

/** Every node in document order, with its start. */
const nodesOf = (tree: Tree): readonly unknown[] =>
  Array.from({ length: tree.size }, (_, node) => [tree.startOf(node), tree.isAlias(node), tree.valueOf(node)])

/** @param piece how many entries are handed over at once */
function read(text: string, piece: number) {
  const builder = new TreeBuilder((offset) => `#${offset}`)
  const { faults, ...reading } = readYaml(text, builder, piece)
  const lines = faults.map(({ pos: [offset] }) => text.slice(0, offset).split('\n').length)
  return { ...reading, nodes: nodesOf(builder.tree), complaints: builder.faults, lines: [...new Set(lines)].sort() }
}
const WHOLE = Number.POSITIVE_INFINITY

/** Plain data, as `JSON` and the library's own values show it. */
const dataOf = (text: string): unknown => {
  const builder = new TreeBuilder(String)
  readYaml(text, builder)
  return builder.tree.value
}

const words = fc.oneof(
  fc.constantFrom('a', 'b: c', '- d', '# e', '*', '5', 'null', '~', 'true', '1.5', '', ' f ', 'it\'s "g"', '{h}', '@i'),
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
const written = fc.tuple(data.value, fc.array(fc.nat(), { minLength: 1, maxLength: 20 })).map((args) => write(...args))

describe('readYaml', () => {
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
    ['a: b\n---\nc: d'],
    ['%YAML 1.2\n---\na: b'],
    ['a: "b\rc"'],
    ['&x a: *x'],
    ['- a\n-\n'],
    ['- |\n  a'],
    ['a: &x\nb: *x'],
    ['? [a]\n: b'],
    ['a: &x b\n*x : c'],
    [': b'],
    ['a: [b'],
    ['a: &x b\nc: *x:'],
    ['&x: b'],
    [''],
    ['a:\n- b\n- c\n- d\n- e\n# comment\nf:\n  g: 1\n  h: 2\n  i: 3\n  j: 4\n'],
    ['a: &all\n  - 1\n  - 2\n  - 3\n  - 4\nb: *all\n'],
    ['- a: 1\n  b: 2\n  c: 3\n  d: 4\n- e\n- f\n- g\n'],
    ['a:\n  - 1\n  - 2\n  - 3\n   - 4\n  - 5\n - 6\n'],
    ['a:\n  b: 1\n  c: 2\n  d: 3\n  e: 4\n  f: 5\n  f: 6\na: 7\n'],
    ['? - a\n  - b\n  - c\n  - d\n: e\n'],
  ])('reads %j in pieces as it does at once', (text) => {
    expect(read(text, 1)).toEqual(read(text, WHOLE))
    expect(read(text, 2)).toEqual(read(text, WHOLE))
  })

  test.prop([written], { numRuns: 500 })(
    'reads the data that the library reads',
    (text) => {
      expect(read(text, 1)).toEqual(read(text, WHOLE))
      const document = parseDocument(text, { stringKeys: true, uniqueKeys: false })
      // The library writes a few texts that it cannot read.
      fc.pre(document.errors.length === 0)
      expect(JSON.stringify(dataOf(text) ?? null)).toBe(JSON.stringify(document.toJS() ?? null))
    },
    60_000,
  )

  const damage = fc.constantFrom(...'\n \t:-#"\'[]{},&*!|>%@`?\\x0\r', '- ', ': ', '\n  ', '---', '<<: ')
  test.prop([written, fc.nat(), fc.nat({ max: 3 }), damage], { numRuns: 1000 })(
    'reads a damaged file in pieces as it does at once',
    (good, from, length, insert) => {
      const at = from % (good.length + 1)
      const text = good.slice(0, at) + insert + good.slice(at + length)
      const [pieces, whole] = [read(text, 1), read(text, WHOLE)]
      if (whole.lines.length === 0) expect(pieces).toEqual(whole)
      else expect(pieces.lines).not.toEqual([])
    },
    60_000,
  )

  it('reads a list of many pieces as it does at once', () => {
    const text = `a:\n${'  - { b: c }\n'.repeat(1000)}`
    expect(read(text, 100)).toEqual(read(text, WHOLE))
  })
})
