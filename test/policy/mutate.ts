/**
 * Proves that the equivalence tests can fail: changes one operator or rule of the policy code at a time, in a copy, and
 * expects the test to notice. Run by hand: `npm run test:mutation [PATTERN]`, for all or for those whose file or text matches.
 * Exit status 1 if a change survives.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** File below `src/policy`, the text that stands there once, and what it becomes. */
type Mutation = readonly [file: string, from: string, to: string]

const MUTATIONS: readonly Mutation[] = [
  ['decide.ts', 'if (standing.disabled) return', 'if (false) return'],
  ['decide.ts', 'if (deny !== undefined) {', 'if (false && deny !== undefined) {'],
  ['decide.ts', 'bit === 0 ? findControl', 'bit !== 0 ? findControl'],
  ['decide.ts', '(grant.bits & bit) !== 0 &&', '(grant.bits & bit) === 0 &&'],
  ['decide.ts', '(deny.bits & bit) !== 0', '(deny.bits & bit) === 0'],
  ['decide.ts', '!isSpared(standing.caller, deny.except) &&', ''],
  ['decide.ts', 'isOpen(deny, question.now) &&', ''],
  ['decide.ts', 'isOpen(grant, question.now) &&', ''],
  ['decide.ts', 'now >= from', 'now > from'],
  ['decide.ts', 'now < until', 'now <= until'],
  [
    'decide.ts',
    'effective(item.actions, item.notActions ?? [], context.action)',
    'effective(item.actions, [], context.action)',
  ],
  ['decide.ts', 'named ? denies.index.find(repository, accept) : denies.all.find(accept)', 'denies.all.find(accept)'],
  ['decide.ts', 'if (caller.acts.includes(key)) return true', ''],
  ['decide.ts', "caller.authenticated ? 'everyone' : 'anonymous'", "'everyone'"],
  ['decide.ts', 'isUnanswerable(deny.when, question) ||', ''],
  ['decide.ts', '!isUnanswerable(grant.when, question) &&', ''],
  [
    'decide.ts',
    'denyApplies(evaluate(deny.when, context), attributes.everyTag === true)',
    'denyApplies(evaluate(deny.when, context))',
  ],
  [
    'decide.ts',
    'grantApplies(evaluate(grant.when, context), question.attributes.everyTag === true)',
    'grantApplies(evaluate(grant.when, context))',
  ],
  ['decide.ts', 'grants.find(question.repository, accept)', 'grants.find(undefined, accept)'],
  ['authorize.ts', "common.catalog === 'filtered'", "common.catalog === 'exact'"],
  ['authorize.ts', 'standing.caller.authenticated', '!standing.caller.authenticated'],
  ['authorize.ts', "if (decision.effect === 'deny') return decision\n", "if (decision.effect === 'deny') continue\n"],
  ['authorize.ts', 'if (isForbidden(other)) return other', ''],
  ['authorize.ts', 'orElse === undefined || isForbidden(decision)', 'orElse === undefined'],
  ['authorize.ts', "decision.effect === 'deny' && other.effect === 'allow' ? other : decision", 'decision'],
  ['authorize.ts', '{ everyTag: true }', '{}'],
  ['authorize.ts', "method: 'GET', digest }", "method: 'PUT', digest }"],
  ['authorize.ts', 'tags.length === 0 ? [undefined] : tags', 'tags.length === 0 ? [undefined] : tags.slice(0, 1)'],
  ['authorize.ts', '{ ...attributes, tag }', 'attributes'],
  ['authorize.ts', 'method: request.method,', ''],
  ['authorize.ts', "if ('digest' in request && request.digest !== undefined) return { digest: request.digest }", ''],
  ['standing.ts', 'spoken([anonymous.denies, everyone.denies])', 'spoken([anonymous.denies])'],
  ['standing.ts', 'rights: [anonymous], denies', 'rights: [anonymous, everyone], denies'],
  ['standing.ts', '[...rights, everyone, anonymous]', '[...rights, everyone]'],
  ['standing.ts', '[...rights, everyone, anonymous]', '[...rights, anonymous]'],
  ['standing.ts', "token?.status === 'disabled'", 'false'],
  ['standing.ts', '...(unknown === undefined ? [] : [unknown])', ''],
  ['standing.ts', '      everyone.denies,\n', ''],
  ['rights.ts', "deny.on ?? ['*']", 'deny.on ?? []'],
  ['rights.ts', 'data.control ?? []', '[]'],
  ['name-index.ts', "if (pattern === '*') {", 'if (false) {'],
  ['name-index.ts', 'pattern.slice(0, -1)', 'pattern.slice(0, -2)'],
  ['name-index.ts', 'if (length > name.length) return undefined', 'if (length >= name.length) return undefined'],
  ['name-index.ts', 'if (exact !== undefined) return exact', ''],
  ['name-index.ts', '|| name === undefined) return everywhere', '|| name !== undefined) return everywhere'],
  [
    'name-index.ts',
    'for (const item of items) if (accept(item)) return item',
    'for (const item of items.slice(0, 1)) if (accept(item)) return item',
  ],
  ['name-index.ts', '.sort((a, b) => a - b)', '.sort((a, b) => b - a)'],
  ['mode.ts', "mode === 'abac'\n", "mode !== 'abac'\n"],
  ['mode.ts', 'element.dataActions, element.notDataActions,', 'element.dataActions, [],'],
  ['mode.ts', 'element.actions, element.notActions,', 'element.actions, [],'],
  ['mode.ts', "if (mode === 'rbac' && ADMINISTRATORS_OF_ACCESS.has(id)) return false", ''],
  ['mode.ts', 'id !== OWNER && id !== CONTRIBUTOR', 'id !== OWNER'],
  ['mode.ts', ': id !== IMAGE_SIGNER', ': true'],
  ['mode.ts', 'role.builtIn ? given.filter', 'true ? given.filter'],
  [
    'action-pattern.ts',
    'if (pieces.length === 1) return text === first',
    'if (pieces.length === 1) return text.startsWith(first)',
  ],
  ['action-pattern.ts', 'return position <= end', 'return true'],
  ['action-pattern.ts', 'position = found + piece.length', 'position = found'],
  ['action-pattern.ts', 'pattern.toLowerCase()', 'pattern'],
  ['action-pattern.ts', '&& !notActions.some(matches)', ''],
  ['compile.ts', 'draft(ANONYMOUS).grants.push(', '[].push('],
  ['compile.ts', "mode === 'abac' ? assignment.condition : undefined", 'assignment.condition'],
  ['compile.ts', '[element.condition, mode', '[undefined, mode'],
  ['compile.ts', 'const group = groups.get(key)', "const group = groups.get([...groups.keys()][0] ?? '')"],
  ['compile.ts', "return when.value ? [{ on: '*' }] : []", "return [{ on: '*' }]"],
  ['compile.ts', "if (keys === 'any') return [{ on: '*', ...rest }]", "if (keys === 'any') return [{ on: '*' }]"],
  ['compile.ts', "key.name.includes('*') ? [] :", ''],
  ['compile.ts', '(bits.get(on) ?? 0) | bitsOf', 'bitsOf'],
  ['compile.ts', 'condition === TRUE ? {} : { when: condition }', 'true ? {} : { when: condition }'],
  ['compile.ts', 'element.notActions.length === 0 ? {} :', 'true ? {} :'],
  ['compile.ts', "'StringStartsWithIgnoreCase', pattern.prefix", "'StringEqualsIgnoreCase', pattern.prefix"],
  ['compile.ts', '...(except.length === 0 ? {} : { except }),', ''],
  ['compile.ts', '{ when: condition.expression }', '{}'],
  ['compile.ts', '{ on: repositories.map(formatRepositoryPattern) }', '{}'],
  ['compile.ts', 'actions.length === 0 ? {} : { actions }', 'true ? {} : { actions }'],
  ['compile.ts', '{ from: notBefore }', '{}'],
  ['compile.ts', '{ until: notAfter }', '{}'],
  ['compile.ts', '[...SYSTEM_SCOPE_MAPS, ...policies.scopeMaps]', 'policies.scopeMaps'],
  ['compile.ts', 'groupDenies.set(issuer,', 'new Map().set(issuer,'],
  ['compile.ts', '[...(groupDenies.get(issuer) ?? []), data]', '[data]'],
  ['condition/outcome.ts', '(left & (TRUE | MISSING)) !== 0', '(left & TRUE) !== 0'],
  ['condition/outcome.ts', 'let result = left & (FALSE | ERROR)', 'let result = left & FALSE'],
  [
    'condition/outcome.ts',
    'if (left & MISSING) result |= (right & (FALSE | ERROR)) |',
    'if (left & MISSING) result |= (right & FALSE) |',
  ],
  ['condition/outcome.ts', '(right & (TRUE | MISSING) ? MISSING : 0)', '(right & TRUE ? TRUE : 0)'],
  ['condition/outcome.ts', '(left & (FALSE | MISSING)) !== 0', '(left & FALSE) !== 0'],
  ['condition/outcome.ts', 'let result = left & (TRUE | ERROR)', 'let result = left & TRUE'],
  [
    'condition/outcome.ts',
    'if (left & MISSING) result |= (right & (TRUE | ERROR)) |',
    'if (left & MISSING) result |= (right & ERROR) |',
  ],
  ['condition/outcome.ts', '(right & (FALSE | MISSING) ? MISSING : 0)', '(right & FALSE ? FALSE : 0)'],
  ['condition/outcome.ts', '(operand & (MISSING | ERROR) ? ERROR : 0)', '(operand & MISSING ? TRUE : 0)'],
  ['condition/outcome.ts', '(operand & TRUE ? FALSE : 0)', '(operand & TRUE ? TRUE : 0)'],
  ['condition/outcome.ts', 'everyTag ? outcomes === TRUE : (outcomes & TRUE) !== 0', 'outcomes === TRUE'],
  ['condition/outcome.ts', 'everyTag ? outcomes === TRUE : (outcomes & TRUE) !== 0', '(outcomes & TRUE) !== 0'],
  ['condition/outcome.ts', 'everyTag ? outcomes !== FALSE : (outcomes & FALSE) === 0', '(outcomes & FALSE) === 0'],
  ['condition/outcome.ts', 'everyTag ? outcomes !== FALSE : (outcomes & FALSE) === 0', '(outcomes & TRUE) !== 0'],
  [
    'condition/evaluate.ts',
    'if (l === undefined || r === undefined) return MISSING',
    'if (l === undefined || r === undefined) return FALSE',
  ],
  ['condition/evaluate.ts', 'if (!rule.quantifiable) return ERROR', ''],
  ['condition/evaluate.ts', 'if (isEmpty(l) || isEmpty(r)) return MISSING', ''],
  [
    'condition/evaluate.ts',
    'if (l === ANY_TAG || r === ANY_TAG) return UNKNOWN',
    'if (l === ANY_TAG || r === ANY_TAG) return TRUE',
  ],
  ['condition/evaluate.ts', 'if (isList(l)) return ERROR', 'if (isList(l)) return FALSE'],
  [
    'condition/evaluate.ts',
    'value === undefined ? FALSE : value === ANY_TAG ? UNKNOWN : TRUE',
    'value === undefined ? MISSING : value === ANY_TAG ? UNKNOWN : TRUE',
  ],
  ['condition/evaluate.ts', 'value === ANY_TAG ? UNKNOWN : TRUE', 'TRUE'],
  ['condition/evaluate.ts', "operator !== 'IpInRange' || right.type !== 'set'", "operator !== 'IpInRange'"],
  [
    'condition/evaluate.ts',
    "return l === ANY_TAG ? UNKNOWN : rule.compareSets('ForAnyOfAnyValues', [l], r)",
    "return l === ANY_TAG ? UNKNOWN : rule.compareSets('ForAnyOfAllValues', [l], r)",
  ],
  [
    'condition/operator.ts',
    'left.every((l) => right.some((r) => test(l, r)))',
    'left.some((l) => right.some((r) => test(l, r)))',
  ],
  [
    'condition/operator.ts',
    'left.some((l) => right.every((r) => test(l, r)))',
    'left.every((l) => right.every((r) => test(l, r)))',
  ],
  [
    'condition/operator.ts',
    'if (ls === undefined || rs === undefined) return ERROR',
    'if (ls === undefined || rs === undefined) return FALSE',
  ],
  ['condition/operator.ts', 'text(value)?.toLowerCase()', 'text(value)'],
  ['condition/operator.ts', '!left.startsWith(right)', 'left.startsWith(right)'],
  ['condition/operator.ts', '!matchesLike(right, left)', 'matchesLike(right, left)'],
  ['condition/operator.ts', 'GUID.test(written) ? written.toLowerCase()', 'GUID.test(written) ? written'],
  ['condition/operator.ts', '(left, right) => left >= right', '(left, right) => left > right'],
  ['condition/operator.ts', '(left, right) => left <= right', '(left, right) => left < right'],
  ['condition/operator.ts', 'instants((order) => order >= 0)', 'instants((order) => order > 0)'],
  ['condition/operator.ts', 'instants((order) => order <= 0)', 'instants((order) => order < 0)'],
  ['condition/operator.ts', 'booleans(notEquals)', 'booleans(equals)'],
  ['condition/operator.ts', 'guids(notEquals)', 'guids(equals)'],
  ['condition/attribute.ts', 'attributes.tag ?? ANY_TAG', 'attributes.tag'],
  ['condition/attribute.ts', 'Object.hasOwn(claims, claim) ? claims[claim] : undefined', 'claims[claim]'],
  ['condition/attribute.ts', 'Math.floor(now)', 'Math.ceil(now)'],
  ['condition/attribute.ts', 'Resource: new Map([[REPOSITORY_NAME, repositoryName]])', 'Resource: new Map()'],
  [
    'condition/lower.ts',
    'operands.every(({ isExact }) => isExact) ? exactly(keys) : within(keys, expression)',
    'exactly(keys)',
  ],
  [
    'condition/lower.ts',
    'operands.map((operand) => operand.keys).reduce(intersect)',
    'operands.map((operand) => operand.keys).reduce((a, b) => unite([...a, ...b]))',
  ],
  ['condition/lower.ts', 'if (residuals.length === 0) return', 'if (true) return'],
  [
    'condition/lower.ts',
    'if (isExact && keys.length === 0) return exactly(EVERY_NAME)',
    'if (keys.length === 0) return exactly(EVERY_NAME)',
  ],
  [
    'condition/lower.ts',
    'if (isExact && isEveryName(keys)) return exactly([])',
    'if (isEveryName(keys)) return exactly([])',
  ],
  ['condition/lower.ts', 'isNegated ? complement(test, comparison) : test', 'test'],
  ['condition/lower.ts', "comparison.quantifier?.endsWith('AllValues') === true", 'false'],
  ['condition/lower.ts', "quantifier === undefined && operator.includes('Equals')", "operator.includes('Equals')"],
  ['condition/lower.ts', "quantifier === undefined && operator.includes('Equals')", 'quantifier === undefined'],
  ['condition/lower.ts', "operator.endsWith('IgnoreCase') ? value.toLowerCase() : value", 'value.toLowerCase()'],
  ['condition/lower.ts', "|| shape?.rest === 'anything') return", ') return'],
  [
    'condition/lower.ts',
    "if (shape?.rest === 'more') return within([{ kind: 'prefix', prefix }], comparison)",
    "if (shape?.rest === 'more') return exactly([{ kind: 'prefix', prefix }])",
  ],
  ['condition/lower.ts', 'texts.length === other.items.length && texts.length > 0', 'texts.length > 0'],
  ['condition/lower.ts', 'isRepositoryName(expression.attribute) ? exactly(EVERY_NAME)', 'true ? exactly(EVERY_NAME)'],
  ['condition/name-key.ts', 'textOf(inner).startsWith(outer.prefix)', 'textOf(inner) === outer.prefix'],
  [
    'condition/name-key.ts',
    'unite([...coveredBy(left, right), ...coveredBy(right, left)])',
    'unite(coveredBy(left, right))',
  ],
  [
    'condition/specialize.ts',
    "const neutral = type === 'and' ? TRUE : FALSE",
    "const neutral = type === 'and' ? FALSE : TRUE",
  ],
  [
    'condition/specialize.ts',
    'if (left.possible === neutral) return right',
    'if (left.possible === neutral) return left',
  ],
  [
    'condition/specialize.ts',
    'attributeHolds(expression.attribute) === undefined ? FALSE : UNKNOWN',
    'attributeHolds(expression.attribute) === undefined ? UNKNOWN : TRUE',
  ],
  ['condition/specialize.ts', 'return UNKNOWN | MISSING |', 'return UNKNOWN |'],
  ['condition/specialize.ts', '(isComparable && isText(left) && isText(right) ? 0 : ERROR)', '0'],
  ['condition/specialize.ts', "attributeHolds(operand) === 'text'", 'attributeHolds(operand) !== undefined'],
  ['condition/like.ts', "return next === '*' || next === '?'", 'return true'],
  ['condition/like.ts', "return next === '*' || next === '?'", "return next === '*'"],
  ['condition/like.ts', 'isPair(text, t) ? 2 : 1', '1'],
  ['condition/like.ts', 't = ++starText', 't = starText'],
  ['condition/like.ts', "while (pattern[p] === '*') p += 1", ''],
  ['condition/like.ts', 'return p === pattern.length', 'return true'],
  ['condition/like.ts', "pattern.slice(firstWildcard) === '*' ? 'anything' : 'more'", "'anything'"],
  ['condition/ip.ts', '/^(?:0|[1-9]\\d{0,2})$/', '/^\\d{1,3}$/'],
  ['condition/ip.ts', 'head.length + tail.length > 7', 'head.length + tail.length > 8'],
  ['condition/ip.ts', 'parseGroups(text.slice(0, gap), false)', 'parseGroups(text.slice(0, gap), true)'],
  ['condition/ip.ts', 'index === parts.length - 1', 'true'],
  ['condition/ip.ts', 'address !== undefined && isMapped(address) ? address.slice(6) : address', 'address'],
  ['condition/ip.ts', 'isMapped(address) && length >= 96', 'isMapped(address)'],
  ['condition/ip.ts', 'length: length - 96', 'length: 32'],
  ['condition/ip.ts', '|| length > bits) return undefined', ') return undefined'],
  ['condition/ip.ts', 'if (address.length !== range.address.length) return false', ''],
  ['condition/ip.ts', 'Math.max(16 - left, 0)', '0'],
  ['condition/ip.ts', 'slash === -1 ? String(bits)', "slash === -1 ? '0'"],
  ['condition/date-time.ts', 'year % 4 === 0 && year % 100 !== 0', 'year % 4 === 0'],
  ['condition/date-time.ts', '|| year % 400 === 0', ''],
  ['condition/date-time.ts', '[4, 6, 9, 11]', '[4, 6, 9]'],
  ['condition/date-time.ts', 'month > 2 ? year : year - 1', 'year'],
  ['condition/date-time.ts', '- Math.floor(marchYear / 100)', ''],
  ['condition/date-time.ts', 'hour > 23', 'hour > 24'],
  ['condition/date-time.ts', 'minute > 59 || second > 59', 'minute > 59'],
  ['condition/date-time.ts', 'offsetHour > 23 || offsetMinute > 59', 'offsetHour > 23'],
  ['condition/date-time.ts', "match[8] === '-' ? -1 : 1", '1'],
  ['condition/date-time.ts', "padEnd(7, '0')", "padStart(7, '0')"],
  [
    'condition/date-time.ts',
    'left.seconds - right.seconds || left.ticks - right.ticks',
    'left.seconds - right.seconds',
  ],
  ['condition/date-time.ts', 'year < 1 ||', ''],
  ['mode.ts', 'pull/read`, `', 'pull/none`, `'],
  ['mode.ts', 'metadata/read`]', 'metadata/none`]'],
  ['mode.ts', 'metadata/write`]', 'push/write`]'],
  ['compile.ts', 'placesWhen(when, repositories ?? [', 'placesWhen(when, ['],
  ['compile.ts', 'both(nameCondition(pattern), when)', 'when'],
  ['compile.ts', 'on: formatRepositoryPattern(pattern) }] : []', "on: '*' }] : []"],
  ['compile.ts', "return [{ on: '*', when }]", "return [{ on: '*' }]"],
  ['condition/ip.ts', 'part > 255', 'part > 256'],
]

const root = join(import.meta.dirname, '..', '..')

function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'dockgate-mutation-'))
  for (const part of ['src/policy', 'src/registry', 'test/policy', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, part), join(copy, part), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  writeFileSync(
    join(copy, 'vitest.config.js'),
    "export default { test: { include: ['test/policy/equivalence*.test.ts'] } }\n",
  )
  return copy
}

/** Whether an equivalence test fails, or never ends, in the tree `copy`. */
function isNoticed(copy: string): boolean {
  const env = {
    ...process.env,
    DOCKGATE_SHRINK: 'no',
    DOCKGATE_SEED: '1',
    DOCKGATE_CASES: process.env.DOCKGATE_CASES ?? '200000',
  }
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  return (
    spawnSync(process.execPath, [vitest, 'run', '--bail=1'], { cwd: copy, env, stdio: 'ignore', timeout: 120_000 })
      .status !== 0
  )
}

function main(only = ''): number {
  const copy = copyTree()
  try {
    if (isNoticed(copy)) throw new Error('the equivalence test fails without any change: run it by itself first')
    const chosen = MUTATIONS.filter((mutation) => new RegExp(only).test(mutation.join(' ')))
    const survivors = chosen.filter(([file, from, to]) => {
      const path = join(copy, 'src', 'policy', file)
      const source = readFileSync(path, 'utf8')
      if (source.split(from).length !== 2) throw new Error(`${file} does not hold once: ${from}`)
      writeFileSync(
        path,
        source.replace(from, () => to),
      )
      const noticed = isNoticed(copy)
      writeFileSync(path, source)
      console.log(`${noticed ? 'killed  ' : 'SURVIVED'} ${file}: ${from.trim()} -> ${to.trim() || 'nothing'}`)
      return !noticed
    })
    console.log(`${chosen.length - survivors.length} of ${chosen.length} changes are noticed`)
    return survivors.length === 0 ? 0 : 1
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

process.exitCode = main(process.argv[2])
