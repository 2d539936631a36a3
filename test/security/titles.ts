/**
 * Which tests a test file really runs, read from its source: a test counts when neither it nor a suite around it is skipped,
 * left for later or expected to fail. `runIf` and `skipIf` count: what they leave out, the end of `npm test` says.
 */
import { parseAst } from 'vitest/node'

type Node = { readonly type: string; readonly [key: string]: unknown }

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value

const ROOTS: readonly string[] = ['it', 'test', 'describe']
/** A member that only running tells. */
const COMPUTED = '[computed]'
const IDLE: readonly string[] = ['skip', 'todo', 'fails', COMPUTED]

/** `it.skip.each(rows)` is `it`, `skip`, `each`. Nothing for a callee that is not a name with members and calls. */
function chainOf(callee: unknown): readonly string[] {
  if (!isNode(callee)) return []
  switch (callee.type) {
    case 'Identifier':
      return [String(callee.name)]
    case 'MemberExpression':
      return [...chainOf(callee.object), ...(callee.computed === true ? [COMPUTED] : chainOf(callee.property))]
    case 'CallExpression':
      return chainOf(callee.callee)
    case 'TaggedTemplateExpression':
      return chainOf(callee.tag)
    default:
      return []
  }
}

/** The text of a literal, or of a template with its places left out. */
function textOf(value: unknown): string | undefined {
  if (!isNode(value)) return undefined
  if (value.type === 'Literal' && typeof value.value === 'string') return value.value
  if (value.type !== 'TemplateLiteral' || !Array.isArray(value.quasis)) return undefined
  return value.quasis.map((part) => part.value.cooked).join('…')
}

/** `{ skip: true }` and the like; also options that only running tells: a name, or an object that takes others in. */
function isIdleOption(value: unknown, index: number, all: readonly unknown[]): boolean {
  if (!isNode(value)) return false
  if (value.type === 'Identifier') return index === 1 && all.length > 2
  if (value.type !== 'ObjectExpression' || !Array.isArray(value.properties)) return false
  return value.properties.some(
    ({ type, key }) => type === 'SpreadElement' || (isNode(key) && IDLE.includes(String(key.name ?? key.value))),
  )
}

/** `it.each([])` and `it.for([])`: a table without a row. */
function hasNoRows(callee: unknown): boolean {
  if (!isNode(callee) || callee.type !== 'CallExpression' || !Array.isArray(callee.arguments)) return false
  const [table] = callee.arguments
  return (
    isNode(table) && table.type === 'ArrayExpression' && Array.isArray(table.elements) && table.elements.length === 0
  )
}

/** A body that calls `context.skip()`. */
function skipsItself(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(skipsItself)
  if (!isNode(value)) return false
  const { type, callee } = value
  if (type === 'CallExpression' && isNode(callee) && callee.type === 'MemberExpression') {
    const { object, property } = callee
    const isSkip = isNode(property) && (property.name ?? property.value) === 'skip'
    if (isSkip && !(isNode(object) && ROOTS.includes(String(object.name)))) return true
  }
  return Object.values(value).some(skipsItself)
}

/** What a test may stand in and never run: a branch, or a function that somebody has to call. */
const MAY_NOT_RUN: ReadonlySet<string> = new Set(['IfStatement', 'ConditionalExpression', 'FunctionDeclaration'])

/** The statements up to the end of a block. */
function reached(list: readonly unknown[]): readonly unknown[] {
  const end = list.findIndex(
    (item) => isNode(item) && (item.type === 'ReturnStatement' || item.type === 'ThrowStatement'),
  )
  return end < 0 ? list : list.slice(0, end + 1)
}

/** The titles of each test that runs: those of the suites around it, outermost first, then its own. */
export function testsOf(source: string): readonly (readonly string[])[] {
  const found: (readonly string[])[] = []
  const walk = (value: unknown, suites: readonly string[]): void => {
    if (Array.isArray(value)) for (const item of reached(value)) walk(item, suites)
    if (!isNode(value) || MAY_NOT_RUN.has(value.type)) return
    if (value.type === 'VariableDeclarator' && isNode(value.init) && /Function/.test(value.init.type)) return
    const titled = value.type === 'CallExpression' && Array.isArray(value.arguments) ? value.arguments : []
    const [root = '', ...members] = chainOf(value.callee)
    const title = textOf(titled[0])
    if (!ROOTS.includes(root) || title === undefined) {
      for (const part of Object.values(value)) walk(part, suites)
      return
    }
    if (members.some((member) => IDLE.includes(member)) || titled.some(isIdleOption)) return
    if (hasNoRows(value.callee) || titled.slice(1).some(skipsItself)) return
    const titles = [...suites, title]
    if (root === 'describe') walk(titled.slice(1), titles)
    else if (titled.length > 1) found.push(titles)
  }
  walk(parseAst(source, { lang: 'ts' }), [])
  return found
}
