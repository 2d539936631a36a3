/**
 * Which rights two compiled policies do not share: gained and lost, by whom and on which repositories, whatever the rules
 * that give them are called. Exact where names decide; where a condition does, it compares what the conditions say. Never
 * compares text of files.
 */

import { type Action, azureAction, isDataPermission, PERMISSIONS, takesRepository } from '../../registry/permission.ts'
import { DELETED_READ, DELETED_RESTORE } from '../../registry/required-permissions.ts'
import { isActionGranted, matchesAction } from '../action-pattern.ts'
import { formatCondition } from '../condition/format.ts'
import type {
  CompiledPolicy,
  ControlGrantData,
  DenyData,
  GrantData,
  NamePattern,
  PrincipalData,
} from '../decide/compiled.ts'
import { NameIndex } from '../decide/name-index.ts'
import { namePatternCovers } from '../decide/name-pattern.ts'
import type { EpochSeconds } from '../model.ts'
import { PERMISSION_BITS } from '../permission-bits.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey } from '../principal.ts'
import { residualOf } from './residual.ts'

/** What a principal may do somewhere: always, never, or for some requests. Texts are sorted. */
export type Right = {
  readonly always: boolean
  /** It is granted to requests that pass one of these. */
  readonly if: readonly string[]
  /** And taken away from requests that pass one of these. */
  readonly unless: readonly string[]
}

/** A right that a principal gains or loses. */
export type RightChange = {
  readonly kind: 'gained' | 'lost' | 'changed'
  readonly principal: PrincipalKey
  readonly action: Action
  /** Absent for actions that take no repository. */
  readonly on?: NamePattern
  /** Names of `on` for which the change is another one, or none. */
  readonly except: readonly NamePattern[]
  readonly was: Right
  readonly is: Right
  /** False where a condition decides: then the texts of the conditions were compared. */
  readonly exact: boolean
}

/** Control-plane actions that the gate itself asks for. */
const CONTROL_ACTIONS: readonly Action[] = [DELETED_READ, DELETED_RESTORE]

/** @param formatTime writes the times at which rights begin and end */
export function difference(
  older: CompiledPolicy,
  newer: CompiledPolicy,
  now: EpochSeconds,
  formatTime: (time: EpochSeconds) => string,
): readonly RightChange[] {
  const sides = [new Side(older, now, formatTime), new Side(newer, now, formatTime)] as const
  const isShared = !isSame(sharedOf(older), sharedOf(newer))
  const keys = [...new Set([older, newer].flatMap(keysOf))].sort()
  const own = keys.filter((key) => isShared || !isSame(older.principals.get(key), newer.principals.get(key)))
  return [ANONYMOUS, EVERYONE, ...own].flatMap((principal) =>
    [...PERMISSIONS, ...CONTROL_ACTIONS].flatMap((action) => changesOf(sides, principal, action)),
  )
}

/** Principals that have rules, and principals that a deny of everyone exempts. */
const keysOf = ({ common, principals }: CompiledPolicy): readonly PrincipalKey[] => [
  ...principals.keys(),
  ...(common.everyone.denies ?? [])
    .flatMap(({ except = [] }) => except)
    .filter((key) => key !== EVERYONE && key !== ANONYMOUS),
]

const isSame = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right)

const sharedOf = ({ common }: CompiledPolicy) => [common.everyone, common.anonymous]

type Sides = readonly [Side, Side]

function changesOf(sides: Sides, principal: PrincipalKey, action: Action): readonly RightChange[] {
  const views = sides.map((side) => side.view(principal, action)) as [View, View]
  if (views.every(({ isEmpty }) => isEmpty)) return []
  const baseline = baselineOf(principal)
  const bases = baseline && (sides.map((side) => side.view(baseline, action)) as [View, View])
  const at = ([was, is]: readonly [View, View], pattern: NamePattern) => transition(was.at(pattern), is.at(pattern))
  const all = [...views, ...(bases ?? [])].flatMap(({ patterns }) => patterns)
  const nodes = forest(takesRepository(action) ? all : ['*'])
  const found = new Map<NamePattern, Transition | undefined>()
  for (const { pattern } of nodes) {
    const own = at(views, pattern)
    const isEverybodys = own !== undefined && isImplied(own, bases && at(bases, pattern))
    found.set(pattern, isEverybodys ? undefined : own)
  }
  return nodes.flatMap(({ pattern, parent, children }) => {
    const change = found.get(pattern)
    if (change === undefined || (parent !== undefined && found.get(parent)?.key === change.key)) return []
    const { key: _, ...rest } = change
    return [
      {
        principal,
        action,
        ...(takesRepository(action) ? { on: pattern } : {}),
        except: exceptionsOf(children(), change.key, found),
        ...rest,
      },
    ]
  })
}

/** What everyone gains or loses is reported once, for everyone. */
const isImplied = (own: Transition, everybodys: Transition | undefined): boolean =>
  everybodys?.key === own.key ||
  (everybodys?.kind === 'gained' && own.kind === 'gained' && isSame(everybodys.is, own.is))

const baselineOf = (principal: PrincipalKey): PrincipalKey | undefined =>
  principal === ANONYMOUS ? undefined : principal === EVERYONE ? ANONYMOUS : EVERYONE

type Node = {
  readonly pattern: NamePattern
  readonly parent?: NamePattern
  readonly children: () => readonly Node[]
}

/** Patterns by containment: of two that overlap, one covers the other. */
function forest(patterns: readonly NamePattern[]): readonly Node[] {
  const text = (pattern: NamePattern) => (pattern.endsWith('*') ? pattern.slice(0, -1) : pattern)
  const sorted = [...new Set(patterns)].sort((a, b) => {
    const [l, r] = [text(a), text(b)]
    return l === r ? (a.endsWith('*') ? -1 : 1) : l < r ? -1 : 1
  })
  const nodes: Node[] = []
  const childrenOf = new Map<NamePattern, Node[]>()
  const open: NamePattern[] = []
  for (const pattern of sorted) {
    while (open.length > 0 && !namePatternCovers(open.at(-1) ?? '', pattern)) open.pop()
    const parent = open.at(-1)
    const children: Node[] = []
    childrenOf.set(pattern, children)
    const node = { pattern, ...(parent === undefined ? {} : { parent }), children: () => children }
    if (parent !== undefined) childrenOf.get(parent)?.push(node)
    nodes.push(node)
    open.push(pattern)
  }
  return nodes
}

/** The largest patterns below for which something else happened. */
const exceptionsOf = (
  nodes: readonly Node[],
  key: string,
  found: ReadonlyMap<NamePattern, Transition | undefined>,
): readonly NamePattern[] =>
  nodes.flatMap((node) =>
    found.get(node.pattern)?.key === key ? exceptionsOf(node.children(), key, found) : [node.pattern],
  )

type Transition = Pick<RightChange, 'kind' | 'was' | 'is' | 'exact'> & { readonly key: string }

function transition(was: Right, is: Right): Transition | undefined {
  const key = JSON.stringify([was, is])
  if (isSame(was, is)) return undefined
  return { key, kind: kindOf(was, is), was, is, exact: isCertain(was) && isCertain(is) }
}

const isNever = (right: Right): boolean => !right.always && right.if.length === 0
const isCertain = (right: Right): boolean => isNever(right) || (right.always && right.unless.length === 0)

/** More is gained, less is lost; where neither is sure, it is changed. */
function kindOf(was: Right, is: Right): RightChange['kind'] {
  if (isWithin(was, is)) return 'gained'
  return isWithin(is, was) ? 'lost' : 'changed'
}

const isWithin = (small: Right, large: Right): boolean =>
  isNever(small) ||
  ((large.always || (!small.always && small.if.every((text) => large.if.includes(text)))) &&
    large.unless.every((text) => small.unless.includes(text)))

const NEVER: Right = { always: false, if: [], unless: [] }

/** What one principal may do by one action, anywhere. */
type View = {
  readonly isEmpty: boolean
  readonly patterns: readonly NamePattern[]
  /** The right on names of `pattern` that no narrower pattern of {@link View.patterns} covers. */
  readonly at: (pattern: NamePattern) => Right
}

type Entry = { readonly kind: 'grant' | 'deny'; readonly on: NamePattern; readonly text?: string }

/** One of the two policies. */
class Side {
  readonly #policy: CompiledPolicy
  readonly #now: EpochSeconds
  readonly #formatTime: (time: EpochSeconds) => string
  readonly #views = new Map<string, View>()

  constructor(policy: CompiledPolicy, now: EpochSeconds, formatTime: (time: EpochSeconds) => string) {
    this.#formatTime = formatTime
    this.#policy = policy
    this.#now = now
  }

  view(principal: PrincipalKey, action: Action): View {
    if (principal !== EVERYONE && principal !== ANONYMOUS) return this.#make(principal, action)
    const key = `${principal} ${action}`
    const known = this.#views.get(key) ?? this.#make(principal, action)
    this.#views.set(key, known)
    return known
  }

  #make(principal: PrincipalKey, action: Action): View {
    const { everyone, anonymous } = this.#policy.common
    const own = this.#policy.principals.get(principal)
    if (own?.token?.status === 'disabled') return viewOf([])
    const isAnonymous = principal === ANONYMOUS
    const granting = [anonymous, ...(isAnonymous ? [] : [everyone]), ...(own === undefined ? [] : [own])]
    const denying = [everyone, ...(isAnonymous ? [anonymous] : []), ...(own === undefined ? [] : [own])]
    return viewOf([
      ...granting.flatMap((data) => this.#grants(data, action)),
      ...denying.flatMap((data) => this.#denies(data, principal, action)),
    ])
  }

  #grants(data: PrincipalData, action: Action): readonly Entry[] {
    if (!isDataPermission(action)) {
      return (data.control ?? [])
        .filter((grant) => isActionGranted(grant.actions, grant.notActions ?? [], azureAction(action)))
        .flatMap((grant) => this.#entry('grant', grant, '*', action))
    }
    const bit = PERMISSION_BITS[action]
    return (data.grants ?? [])
      .filter(({ bits }) => (bits & bit) !== 0)
      .flatMap((grant) => this.#entry('grant', grant, grant.on, action))
  }

  #denies(data: PrincipalData, principal: PrincipalKey, action: Action): readonly Entry[] {
    return (data.denies ?? [])
      .filter(
        ({ except = [] }) => !except.includes(principal) && (principal === ANONYMOUS || !except.includes(EVERYONE)),
      )
      .filter(({ bits, actions = [] }) =>
        isDataPermission(action)
          ? (bits & PERMISSION_BITS[action]) !== 0
          : actions.some((pattern) => matchesAction(pattern, azureAction(action))),
      )
      .flatMap((deny) =>
        (takesRepository(action) ? (deny.on ?? ['*']) : ['*']).flatMap((on) => this.#entry('deny', deny, on, action)),
      )
  }

  /** Undefined for a rule that has ended, or that can never apply. */
  #entry(
    kind: Entry['kind'],
    { from, until, when }: GrantData | ControlGrantData | DenyData,
    on: NamePattern,
    action: Action,
  ): readonly Entry[] {
    const now = this.#now
    if (until !== undefined && now >= until) return []
    const name = on.endsWith('*') ? {} : { name: on }
    const left = when === undefined ? undefined : residualOf(when, { action, now, ...name })
    if (left?.type === 'constant' && !left.value) return []
    const texts = [
      ...(left === undefined || left.type === 'constant' ? [] : [formatCondition(left, 'line')]),
      ...(from === undefined || now >= from ? [] : [`from ${this.#formatTime(from)}`]),
      ...(until === undefined ? [] : [`until ${this.#formatTime(until)}`]),
    ]
    return [{ kind, on, ...(texts.length === 0 ? {} : { text: texts.join(', ') }) }]
  }
}

function viewOf(entries: readonly Entry[]): View {
  const index = new NameIndex<Entry>()
  for (const entry of entries) index.add(entry.on, entry)
  return {
    isEmpty: entries.every(({ kind }) => kind === 'deny'),
    patterns: entries.map(({ on }) => on),
    at: (pattern) => {
      const grants: Entry[] = []
      const denies: Entry[] = []
      index.find(pattern.endsWith('*') ? pattern.slice(0, -1) : pattern, (entry) => {
        if (namePatternCovers(entry.on, pattern)) (entry.kind === 'grant' ? grants : denies).push(entry)
        return false
      })
      const texts = (list: readonly Entry[]) =>
        [...new Set(list.flatMap(({ text }) => (text === undefined ? [] : [text])))].sort()
      const isDenied = denies.some(({ text }) => text === undefined)
      if (isDenied || grants.length === 0) return NEVER
      const always = grants.some(({ text }) => text === undefined)
      return { always, if: always ? [] : texts(grants), unless: texts(denies) }
    },
  }
}
