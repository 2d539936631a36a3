/** That the source tree keeps to the table of rooms (docs/generate/rooms.ts), and that tests are where readers look for them. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseAst } from 'vitest/node'
import { ROOMS, roomOf } from '../docs/generate/rooms.ts'

const ROOT = join(import.meta.dirname, '..')

type Import = {
  readonly from: string
  readonly to: string
  readonly names: readonly string[]
  readonly isDeferred: boolean
}

const filesOf = (...patterns: readonly string[]): readonly string[] =>
  patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT })).sort()

const SOURCES = filesOf('src/**/*.ts', 'dev/**/*.ts')
const READERS = filesOf('src/**/*.{ts,js,tsx}', 'dev/**/*.ts', 'docs/**/*.ts', 'schema/**/*.ts', 'test/**/*.{ts,js}')

type Node = { readonly type: string; readonly [key: string]: unknown }

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value

/** All nodes of a syntax tree, parents first. */
function* nodesOf(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* nodesOf(item)
  else if (isNode(value)) {
    yield value
    for (const child of Object.values(value)) yield* nodesOf(child)
  }
}

const textOf = (value: unknown): string => (isNode(value) ? String(value.name ?? value.value ?? '') : '')

/** The names that one import or re-export takes; `*` for all of a module. */
function namesOf({ type, specifiers }: Node): readonly string[] {
  if (type === 'ExportAllDeclaration' || !Array.isArray(specifiers)) return ['*']
  return specifiers.map((one: Node) =>
    one.type === 'ImportNamespaceSpecifier' ? '*' : textOf(one.type === 'ExportSpecifier' ? one.local : one.imported),
  )
}

/** The relative imports of a file, for values and for types. */
function importsOf(file: string): readonly Import[] {
  const tree = parseAst(readFileSync(join(ROOT, file), 'utf8'), { lang: file.endsWith('x') ? 'tsx' : 'ts' })
  return [...nodesOf(tree)].flatMap((node) => {
    const specifier = textOf(node.source)
    if (!specifier.startsWith('.')) return []
    const to = relative(ROOT, join(ROOT, dirname(file), specifier))
    const isDeferred = node.type === 'ImportExpression' || node.type === 'TSImportType'
    return [{ from: file, to, names: isDeferred ? ['*'] : namesOf(node), isDeferred }]
  })
}

const IMPORTS = READERS.flatMap(importsOf)

/** Groups that import each other, directly or through others. Empty if no circle exists. */
function circles(edges: readonly (readonly [string, string])[]): readonly string[] {
  const next = new Map<string, string[]>()
  for (const [from, to] of edges) next.set(from, [...(next.get(from) ?? []), to])
  const done = new Set<string>()
  const found: string[] = []
  const walk = (node: string, path: readonly string[]): void => {
    if (path.includes(node)) found.push([...path.slice(path.indexOf(node)), node].join(' -> '))
    if (done.has(node) || path.includes(node)) return
    for (const other of next.get(node) ?? []) walk(other, [...path, node])
    done.add(node)
  }
  for (const node of next.keys()) walk(node, [])
  return found
}

/** The file and every file that it imports, directly or through others. Sorted. */
function reachedFrom(start: string): readonly string[] {
  const reached = new Set([start])
  // A set also visits what is added to it on the way.
  for (const file of reached) for (const { from, to } of IMPORTS) if (from === file) reached.add(to)
  return [...reached].sort()
}

describe('the rooms of the source tree', () => {
  it('contain every source file', () => {
    expect(SOURCES.filter((file) => roomOf(file) === undefined)).toEqual([])
  })

  it('import only the rooms that the table allows, for values and for types', () => {
    const wrong = IMPORTS.filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)]
      // The completion script is made from all commands, which load it in turn.
      if (to === 'src/cli/program.ts' && from === 'src/cli/commands/completion.ts') return false
      return room !== undefined && other !== undefined && room !== other && !room.imports.includes(other.path)
    })
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([])
  })

  it('import no file outside the rooms but package.json', () => {
    const wrong = IMPORTS.filter(({ from, to }) => roomOf(from) !== undefined && roomOf(to) === undefined)
    expect([...new Set(wrong.map(({ to }) => to))].filter((to) => to !== 'package.json')).toEqual([])
  })

  it('allow no circle in the table', () => {
    expect(circles(ROOMS.flatMap(({ path, imports }) => imports.map((other) => [path, other] as const)))).toEqual([])
  })
})

describe('the source files', () => {
  it('do not import each other in a circle, not even for types', () => {
    const direct = IMPORTS.filter(({ from, isDeferred }) => !isDeferred && SOURCES.includes(from))
    expect(circles(direct.map(({ from, to }) => [from, to] as const))).toEqual([])
  })

  it('export nothing that no other file imports', () => {
    const used = new Map<string, Set<string>>()
    for (const { to, names } of IMPORTS) {
      const known = used.get(to) ?? new Set()
      for (const name of names) known.add(name)
      used.set(to, known)
    }
    const dead = SOURCES.filter((file) => !used.get(file)?.has('*')).flatMap((file) =>
      valueExportsOf(file)
        .filter((name) => !used.get(file)?.has(name) && !ENTRY_POINTS.has(file))
        .map((name) => `${file} exports ${name}`),
    )
    expect(dead).toEqual([])
  })

  it('have a doc comment on every export', () => {
    const bare = SOURCES.filter((file) => file.endsWith('.ts')).flatMap((file) => {
      const lines = readFileSync(join(ROOT, file), 'utf8').split('\n')
      return lines.flatMap((line, index) => {
        const name = /^export (?:async )?(?:function\*?|const|type|class|interface) (\w+)/.exec(line)?.[1]
        return name === undefined || lines[index - 1]?.endsWith('*/') ? [] : [`${file}:${index + 1} ${name}`]
      })
    })
    expect(bare).toEqual([])
  })

  it('that the Worker loads are, of src/policy, the vocabulary, the kernel and what words a refusal', () => {
    const policy = reachedFrom('src/worker/index.ts').filter((file) => file.startsWith('src/policy/'))
    expect(policy.filter((file) => !/^src\/policy\/(?:[\w-]+\.ts|decide\/)/.test(file))).toEqual(WORDING)
    expect(policy).toContain('src/policy/decide/decide.ts')
  })

  it('that the kernel loads hold no spelling help', () => {
    expect(reachedFrom('src/policy/decide/authorize.ts')).not.toContain('src/base/spelling.ts')
  })

  it('of one command do not import another command', () => {
    const commandOf = (file: string) => /^src\/cli\/commands\/([\w-]+)/.exec(file)?.[1]
    const wrong = IMPORTS.filter(({ from, to }) => {
      const [one, other] = [commandOf(from), commandOf(to)]
      return one !== undefined && other !== undefined && one !== other
    })
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([])
  })
})

/** Analysis that the Worker runs after a refusal, to name the condition on tags that refused. It never decides. */
const WORDING: readonly string[] = [
  'src/policy/analysis/tag-condition.ts',
  'src/policy/analysis/unmet-tests.ts',
  'src/policy/condition/format.ts',
]

/** Files that a program outside the tree loads: the platform, Node, the package's users. */
const ENTRY_POINTS: ReadonlySet<string> = new Set([
  'src/worker/index.ts',
  'src/cli/main.ts',
  'src/index.ts',
  'dev/build/worker.d.ts',
])

/** Names of exported functions, classes and constants. Types may be exported for signatures alone. */
function valueExportsOf(file: string): readonly string[] {
  const tree: unknown = parseAst(readFileSync(join(ROOT, file), 'utf8'), { lang: 'ts' })
  return [...nodesOf(tree)].flatMap((node) => {
    if (node.type !== 'ExportNamedDeclaration' || !isNode(node.declaration)) return []
    const { type, id, declarations } = node.declaration
    if (type === 'VariableDeclaration' && Array.isArray(declarations)) return declarations.map(({ id }) => textOf(id))
    return type === 'FunctionDeclaration' || type === 'ClassDeclaration' ? [textOf(id)] : []
  })
}
