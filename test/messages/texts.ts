/**
 * The texts of which errors, warnings and findings are made: found in the sources, and marked there as they are loaded, so
 * that a message tells of which texts it was made. A mark is two characters that nothing prints.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAst } from 'vitest/node'

const ROOT = join(import.meta.dirname, '../..')

/** One literal of the sources. */
export type Text = {
  /** `src/files/field.ts:32` */
  readonly place: string
  readonly text: string
  readonly mark: string
  /** What a message that is made of it looks like, as a regular expression: it says more than the text. */
  readonly form: string
}

type Room = {
  readonly path: string
  readonly form: string
  /** Names of calls that report, where not every text of the room is part of a message. */
  readonly reports?: RegExp
}

const IN_FILE = '^(?:warning: |lost: |wider: |note: )?\\S+:\\d+:\\d+ '

/** A file belongs to the first room that its path begins with. */
const ROOMS: readonly Room[] = [
  { path: 'src/files/', form: IN_FILE },
  { path: 'src/lint/', form: IN_FILE },
  { path: 'src/importers/', form: `${IN_FILE}|^refused: `, reports: /^(?:lost|wider|note|refuse|ImportError)$/ },
  // Of a condition, the characters that are meant.
  { path: 'src/policy/condition/', form: '^(?:\\d+\\+\\d+|\\S+:\\d+:\\d+) ' },
  { path: 'src/bundle/', form: '^[a-z_]+: ' },
  { path: 'src/registry/', form: '^4\\d\\d [A-Z_]+: ' },
  { path: 'src/cli/answers/decision-tests.ts', form: '^\\S+:\\d+:\\d+: test failed: ' },
  { path: 'src/cli/probing/checks.ts', form: '^[a-z ]+: [A-Z]+ /', reports: /^(?:note|expect)$/ },
  { path: 'src/cli/probing/expectation.ts', form: '^[a-z ]+: [A-Z]+ /' },
  { path: 'src/cli/', form: '^(?:exit [123]: |dockgate: error: )', reports: /.Error$|^error$/ },
]

/** Files whose texts are part of no message. */
const OTHERS: readonly string[] = [
  'src/files/definition.ts',
  'src/files/schema.ts',
  'src/lint/covered.ts',
  'src/lint/lints.ts',
  'src/policy/condition/attribute-spelling.ts',
  'src/policy/condition/format.ts',
  'src/registry/challenge.ts',
  'src/registry/link.ts',
  // Runs as it is loaded: test/cli/command.test.ts starts it.
  'src/cli/main.ts',
]
/** Calls that take names, and no messages. */
const NAMING = /^(?:claim|require|isFree|nameIsFree|inAnyCase|reportUnknown|Map|Set)$/

const roomOf = (file: string): Room | undefined => ROOMS.find(({ path }) => file.startsWith(path))

const FILES = globSync('src/**/*.ts', { cwd: ROOT })
  .filter((file) => roomOf(file) !== undefined && !OTHERS.includes(file))
  .sort()

type Node = {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value
const isCall = ({ type }: Node): boolean => type === 'CallExpression' || type === 'NewExpression'
const isFunction = ({ type }: Node): boolean => /Function|Class/.test(type)
const isWithin = (inner: Node, outer: Node): boolean => outer.start <= inner.start && inner.end <= outer.end

function nameOf(value: unknown): string {
  if (!isNode(value)) return ''
  return value.type === 'MemberExpression' ? nameOf(value.property) : String(value.name ?? '')
}

/** Types, what is compared, and names: texts there are logic, and a mark would change it. */
function isLogic(node: Node): boolean {
  if (/^TS.*(?:Type|Declaration|Annotation)$|^Import/.test(node.type)) return true
  if (node.type === 'BinaryExpression') return node.operator === '===' || node.operator === '!=='
  return isCall(node) && NAMING.test(nameOf(node.callee))
}

/** A node and all below it that may become part of a message. */
function within(value: unknown, found: Node[] = []): Node[] {
  if (Array.isArray(value)) for (const item of value) within(item, found)
  if (!isNode(value) || isLogic(value)) return found
  found.push(value)
  const isField = value.type === 'Property'
  // docs/lints.md shows the explanation of a lint; no warning does.
  if (isField && nameOf(value.key) === 'explanation') return found
  for (const [key, part] of Object.entries(value)) if (!isField || key !== 'key') within(part, found)
  return found
}

/** What is reported: what calls of `reports` are given, and calls that pass it on to these; also by a name. */
function reported(nodes: readonly Node[], reports: RegExp): Iterable<Node> {
  const functions = nodes.filter(isFunction)
  const declarations = nodes.flatMap((node) => {
    const isMethod = node.type === 'MethodDefinition'
    const name = nameOf(isMethod ? node.key : node.id)
    const made = isMethod ? node.value : node.type === 'VariableDeclarator' ? node.init : node
    // The innermost function around it: there its name is known.
    const scope = functions.findLast((outer) => outer !== node && isWithin(node, outer))
    return name === '' || !isNode(made) ? [] : [{ name, made, scope }]
  })
  const calls = nodes.filter(isCall)
  const reporting = calls.filter(({ callee }) => reports.test(nameOf(callee)))
  const passesOn = ({ made }: { readonly made: Node }): boolean => {
    if (!isFunction(made)) return false
    const parameters = within(made.params).map(nameOf)
    const given = reporting.filter((call) => isWithin(call, made)).flatMap((call) => within(call.arguments))
    return given.some(({ type, name }) => type === 'Identifier' && parameters.includes(String(name)))
  }
  const reporters = new Set(declarations.filter(passesOn).map(({ name }) => name))
  const seen = new Set<Node>()
  const follow = (node: Node): void => {
    if (seen.has(node)) return
    seen.add(node)
    if (node.type !== 'Identifier') return
    for (const { name, made, scope } of declarations) {
      if (name !== node.name || isFunction(made) || seen.has(made)) continue
      if (scope === undefined || isWithin(node, scope)) within(made).forEach(follow)
    }
  }
  const passing = calls.filter(({ callee }) => reporters.has(nameOf(callee)))
  for (const call of [...reporting, ...passing]) within(call.arguments).forEach(follow)
  return seen
}

/** A literal, or what stands still in a template. */
function wordsOf({ type, value, quasis }: Node): string {
  if (type === 'Literal' && typeof value === 'string') return value
  return type === 'TemplateLiteral' && Array.isArray(quasis) ? quasis.map((part) => part.value.cooked).join('…') : ''
}

/** The texts of a file, in order: literals with a word and a blank, but no lines of other files. */
export function textsIn(file: string, source: string): readonly { readonly start: number; readonly text: string }[] {
  const nodes = within(parseAst(source, { lang: 'ts' }))
  const reports = roomOf(file)?.reports
  return [...(reports === undefined ? nodes : reported(nodes, reports))]
    .map((node) => ({ start: node.start + 1, text: wordsOf(node) }))
    .filter(({ text }) => /[a-z]/i.test(text) && text.includes(' ') && !text.endsWith('\n'))
    .sort((a, b) => a.start - b.start)
}

export const MARK = /[\uE000-\uF8FF]{2}/g
/** Private characters of Unicode: one for the file, one for the text in it. */
const markOf = (file: string, index: number): string =>
  String.fromCharCode(0xe000 + FILES.indexOf(file), 0xe000 + index)

export const allTexts = (): readonly Text[] =>
  FILES.flatMap((file) => {
    const source = readFileSync(join(ROOT, file), 'utf8')
    return textsIn(file, source).map(({ start, text }, index) => ({
      place: `${file}:${source.slice(0, start).split('\n').length}`,
      text,
      mark: markOf(file, index),
      form: roomOf(file)?.form ?? '',
    }))
  })

/** Marks the texts of the sources that vitest loads. */
export const marking = {
  name: 'mark-texts',
  enforce: 'pre' as const,
  transform(source: string, id: string) {
    const file = id.slice(ROOT.length + 1)
    if (!FILES.includes(file)) return undefined
    const code = textsIn(file, source).reduceRight(
      (marked, { start }, index) => marked.slice(0, start) + markOf(file, index) + marked.slice(start),
      source,
    )
    return { code, map: null }
  },
}
