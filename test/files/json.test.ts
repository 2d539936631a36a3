/** The reader of JSON: it accepts what `JSON.parse` accepts, and says where and why it refuses the rest. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { readJson } from '../../src/files/json.ts'
import { TreeBuilder } from '../../src/files/tree.ts'
import { type Mistake, reportsMistakes } from './errors/reports-mistakes.ts'

function read(text: string) {
  const builder = new TreeBuilder(String)
  const fault = readJson(text, builder)
  return { fault, tree: builder.tree, faults: builder.faults }
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const MISTAKES: readonly Mistake[] = [
  ['{ "tokens": {}, }', ['a.json:1:15 json_syntax: JSON has no comma before a closing bracket (remove the comma)']],
  [
    '{\n  "roleAssignments": [\n    1,\n  ]\n}',
    ['a.json:3:6 json_syntax: JSON has no comma before a closing bracket (remove the comma)'],
  ],
  [
    '{\n  // who may pull\n  "tokens": {}\n}',
    [
      'a.json:2:3 json_syntax: JSON has no comments (remove the comment, or name the file *.yaml and start comments with #)',
    ],
  ],
  [
    '{ "tokens": {} /* none */ }',
    [
      'a.json:1:16 json_syntax: JSON has no comments (remove the comment, or name the file *.yaml and start comments with #)',
    ],
  ],
  [
    '# none\n{}',
    [
      'a.json:1:1 json_syntax: JSON has no comments (remove the comment, or name the file *.yaml and start comments with #)',
    ],
  ],
  ["{ 'tokens': {} }", ['a.json:1:3 json_syntax: JSON has no single quotes (write text in double quotes)']],
  [
    '{ tokens: {} }',
    [
      'a.json:1:3 json_syntax: not valid JSON: expected a key in double quotes (write text in double quotes; other values are numbers, true, false and null)',
    ],
  ],
  [
    'tokens:\n  ci: {}',
    [
      'a.json:1:1 json_syntax: not valid JSON: expected a value (write text in double quotes; other values are numbers, true, false and null)',
    ],
  ],
  [
    '{ "tokens": None }',
    [
      'a.json:1:13 json_syntax: not valid JSON: expected a value (write text in double quotes; other values are numbers, true, false and null)',
    ],
  ],
  [
    '{ "tokens" {} }',
    ['a.json:1:12 json_syntax: not valid JSON: expected a colon (look for a missing comma, bracket or quote)'],
  ],
  [
    '{ "tokens": {}\n  "roles": [] }',
    [
      'a.json:2:3 json_syntax: not valid JSON: expected a comma or a closing bracket (look for a missing comma, bracket or quote)',
    ],
  ],
  [
    '{ "tokens": {',
    [
      'a.json:1:14 json_syntax: the file ends here, a key in double quotes is missing (the file may have been cut off: write it again)',
    ],
  ],
  [
    '{ "tokens": {} ',
    [
      'a.json:1:16 json_syntax: the file ends here, a comma or a closing bracket is missing (the file may have been cut off: write it again)',
    ],
  ],
  ['{} {}', ['a.json:1:4 json_syntax: not valid JSON: the file goes on after its value (keep one value in a file)']],
  ['{ "tokens: {} }', ['a.json:1:3 json_syntax: this text has no closing quote (end it with a double quote)']],
  [
    '{ "tokens": "\\x41" }',
    ['a.json:1:14 json_syntax: this is not an escape sequence of JSON (write \\\\ for a backslash)'],
  ],
  [
    '{ "tokens": "a\tb" }',
    [
      'a.json:1:15 json_syntax: a control character cannot be in a text of JSON (write \\n for a line break, \\t for a tab)',
    ],
  ],
  [
    '{ "tokens": { "ci": {}, "ci": {} } }',
    ['a.json:1:25 duplicate_key: this key is here twice, first at a.json:1:15 (keep one of them)'],
  ],
  [
    '<<<<<<< HEAD\n{}\n=======\n[]\n>>>>>>> main\n',
    [
      'a.json:1:1 merge_conflict: Git left a conflict here (resolve the conflict, then remove the lines <<<<<<<, ======= and >>>>>>>)',
    ],
  ],
  [
    '['.repeat(200_000),
    ['a.json:1:65 too_deep: values are nested more than 64 levels deep (a policy needs six levels)'],
  ],
]

describe('the report about a JSON file', () => reportsMistakes(MISTAKES, 'a.json'))

describe('readJson', () => {
  it.each([
    ['01'],
    ['1.'],
    ['.5'],
    ['+1'],
    ['-'],
    ['1e'],
    ['0x1F'],
    ['NaN'],
    ['Infinity'],
    ['undefined'],
    ['True'],
    ['nul'],
    ['truefalse'],
    ['"\\u12"'],
    ['"\\"'],
    ['"\n"'],
    ['[1 2]'],
    ['[,1]'],
    ['[1,,2]'],
    ['{"a"}'],
    ['{"a":}'],
    ['{"a":1,}'],
    ['{,}'],
    ['{1:2}'],
    ['[}'],
    ['{]'],
    [']'],
    ['\u00a0[]'],
    ['\ufeff[]'],
    [''],
  ])('refuses %j, as JSON.parse does', (text) => {
    expect(isJson(text)).toBe(false)
    expect(read(text).fault).toBeDefined()
  })

  test.prop([fc.jsonValue(), fc.constantFrom(undefined, 1, '\t')])(
    'reads the data of any JSON',
    (value, space) => {
      const text = JSON.stringify(value, null, space)
      const { fault, faults, tree } = read(text)
      expect(fault).toBeUndefined()
      if (!text.includes('"__proto__"')) expect(faults).toEqual([])
      if (faults.length === 0) expect(JSON.stringify(tree.value)).toBe(JSON.stringify(JSON.parse(text)))
    },
    60_000,
  )

  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'{}[]:,"\\ \n\t01.eE+-/u', 'true', 'null', '"a"', 'é') }),
    fc
      .tuple(fc.jsonValue(), fc.nat(), fc.nat({ max: 2 }), fc.constantFrom(...'{}[]:,"\\ 0.e-/', ''))
      .map(([value, from, length, insert]) => {
        const good = JSON.stringify(value)
        const at = from % (good.length + 1)
        return good.slice(0, at) + insert + good.slice(at + length)
      }),
  )
  test.prop([text], { numRuns: 2000 })(
    'accepts exactly the texts that JSON.parse accepts',
    (candidate) => {
      const { fault } = read(candidate)
      expect(fault === undefined).toBe(isJson(candidate))
      if (fault !== undefined) expect(fault.offset).toBeLessThanOrEqual(candidate.length)
    },
    60_000,
  )
})
