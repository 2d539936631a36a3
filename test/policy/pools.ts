/**
 * What the random policies of this folder are made of: few names, all of them prefixes of each other; few texts, times,
 * addresses and actions, chosen where operators change their mind.
 */
import { fc } from '@fast-check/vitest'
import type { Result } from '../../src/base/result.ts'
import { DATA_ACTIONS, parseAction } from '../../src/registry/permission.ts'

export function valid<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`the pools of this file hold an invalid value: ${JSON.stringify(result.error)}`)
  return result.value
}

export const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
export const some = <T>(arbitrary: fc.Arbitrary<T>, maxLength: number, minLength = 1) =>
  fc.array(arbitrary, { minLength, maxLength })
export const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })
/** The object without its undefined members. */
export function compact<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

/** Repositories that are asked for. */
export const NAMES = ['a', 'ab', 'a/b', 'a/bc', 'a/b/c', 'a/b/c/d', 'b', 'b/a', 'c'] as const

/** Instants, in seconds, where a calendar is easily wrong. */
export const SECONDS = [
  ...[0, 100, 200],
  ...['2023-02-28T23:59:59Z', '2023-03-01T00:00:00Z', '2024-02-29T00:00:00Z', '2024-03-01T00:00:00Z'],
  ...['2024-12-31T23:59:59Z', '2025-01-01T00:00:00Z', '2000-02-29T12:30:15Z', '2100-02-28T00:00:00Z'],
  ...['2100-03-01T00:00:00Z', '1969-12-31T23:59:59Z', '1600-02-29T00:00:00Z', '1900-03-01T00:00:00Z'],
  ...['2026-04-30T10:00:00Z', '2026-05-31T10:00:00Z', '2026-06-30T10:00:00Z', '2026-07-31T10:00:00Z'],
  ...['2026-08-31T10:00:00Z', '2026-09-30T10:00:00Z', '2026-10-31T10:00:00Z', '2026-11-30T10:00:00Z'],
].map((time) => (typeof time === 'number' ? time : Date.parse(time) / 1000))
export const INVALID_TIMES = [
  ...[
    '',
    '2024',
    '2024-02-29',
    '2024-02-29T00:00Z',
    '2024-02-29 00:00:00Z',
    '2024-02-29T00:00:00',
    '2023-02-29T00:00:00Z',
  ],
  ...[
    '2100-02-29T00:00:00Z',
    ...['04', '06', '09', '11'].map((month) => `2024-${month}-31T00:00:00Z`),
    '2024-13-01T00:00:00Z',
    '2024-00-01T00:00:00Z',
    '2024-01-00T00:00:00Z',
  ],
  ...[
    '2024-01-32T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:60:00Z',
    '2024-01-01T00:00:60Z',
    '0000-01-01T00:00:00Z',
  ],
  ...[
    '2024-01-01T00:00:00.12345678Z',
    '2024-01-01T00:00:00.Z',
    '2024-01-01T00:00:00+24:00',
    '2024-01-01T00:00:00+00:60',
  ],
]
/** Earlier than the first of {@link SECONDS}, later than the last, and each of them just so or a little off. */
export const windowSeconds = pick(0, 100, 200)
export const now = fc.oneof(
  { weight: 3, arbitrary: pick(-1, 0, 0.5, 50, 99, 99.5, 100, 100.5, 150, 199, 200, 201) },
  { weight: 1, arbitrary: fc.tuple(pick(...SECONDS), pick(-1, 0, 0.5, 1)).map(([at, off]) => at + off) },
)
export const dateTime = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .record({
        at: fc.oneof(pick(...SECONDS), pick(0, 100, 200)),
        fraction: pick('', '', '', '.0', '.0000001', '.5', '.9999999'),
        zone: pick('Z', 'Z', '+00:00', '+01:00', '-01:00', '+23:59', '-05:30'),
      })
      .map(({ at, fraction, zone }) => {
        const minutes = zone === 'Z' ? 0 : Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4))
        const local = at + (zone.startsWith('-') ? -60 : 60) * minutes
        return `${new Date(local * 1000).toISOString().slice(0, 19)}${fraction}${zone}`
      }),
  },
  { weight: 1, arbitrary: pick(...INVALID_TIMES) },
)

export const ADDRESSES = [
  ...['10.1.2.3', '10.1.2.4', '11.0.0.0', '192.0.2.1', '255.255.255.255', '::1', '::', '2001:db8::1', '2001:db8:1::1'],
  ...[
    '2001:DB8:0:0:0:0:0:1',
    '::ffff:10.1.2.3',
    '::ffff:a01:203',
    '::fffe:10.1.2.3',
    '1:2:3:4:5:6:7:8',
    '1::2:3:4:5:6:7',
  ],
  ...[
    'nonsense',
    '',
    '010.1.2.3',
    '10.1.2',
    '10.1.2.256',
    '10.1.2.3.4',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
  ],
  ...[
    '1::2:3:4:5:6:7:8',
    '::10.1.2.3:1',
    '10.1.2.3::',
    '1:2:3:4:5:6:7:10.1.2.3',
    '1:2:3:4:5:6:10.1.2.3',
    '12345::',
    'fe80::1%1',
  ],
]
export const RANGES = [
  ...[
    '10.0.0.0/8',
    '10.1.2.2/31',
    '10.1.2.4/30',
    '10.1.2.3/32',
    '10.1.2.3',
    '0.0.0.0/0',
    '192.0.2.0/24',
    '10.1.0.0/17',
  ],
  ...[
    '2001:db8::/32',
    '2001:db8::/47',
    '2001:db8::/48',
    '::/0',
    '::1',
    '::1/128',
    '::ffff:10.0.0.0/104',
    '::ffff:0:0/96',
  ],
  ...[
    '::ffff:0:0/95',
    '::ffff:10.1.2.3',
    '::ffff:10.1.2.2/127',
    '1:2:3:4:5:6:7:8/112',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
  ],
  ...['10.0.0.0/-1', '10.0.0.0/8/8', '/8', '2001:db8::/129', 'nonsense', '::ffff:10.1.2.3/128', '::ffff:10.1.2.3/32'],
]

export const DIGEST = `sha256:${'0'.repeat(64)}`

export const GUIDS = [
  '0f3c0000-0000-0000-0000-00000000000a',
  '0F3C0000-0000-0000-0000-00000000000A',
  'ffffffff-0000-0000-0000-00000000000b',
]
export const TEXTS = [
  ...[...NAMES, 'A', 'A/B', 'aB', 'a/', 'a/b/', 'A/', 'a/B/', ''],
  ...[
    '*',
    'a*',
    'a/*',
    'a/b*',
    'A*',
    '?',
    '??',
    'a?',
    'a/?',
    '*b',
    '*c',
    '*/b/*',
    'a*c',
    '*b*',
    '**',
    'a\\*',
    '\\?',
    'a\\',
    '*a*b*c*',
  ],
  ...['a/b?', 'a*b?', '?*', '*?', 'a/b/c?', '\\a', 'a\\?', 'b*a', 'a/**', 'a/*/c'],
  ...['v1', 'V1', 'v*', 'v?', '\u{1f600}', '\u{1f600}a', '?a', '*\u{1f600}', 'GET', 'PUT', 'DELETE', 'main'],
]
/** Patterns, and texts that only a careless matcher lets pass. */
export const LIKES = [
  '\\?',
  'a\\?',
  '?',
  'a?',
  '*',
  '\\*',
  'a\\*',
  'a*',
  '\\',
  '\\x',
  'a\\',
  'a\\x',
  '??',
  'ab',
  '\u{1f600}',
  '?a',
  '\u{1f600}a',
  '*a',
] as const
export const text = fc.oneof(
  { weight: 8, arbitrary: pick(...TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: pick('a', 'b', 'c', 'A', '/', '*', '?', '\\'), maxLength: 6 }) },
)

export const ACTIONS = Object.values(DATA_ACTIONS)
export const CONTROL_ACTIONS = [
  'Microsoft.ContainerRegistry/registries/importImage/action',
  'Microsoft.ContainerRegistry/registries/tasks/write',
  'Microsoft.ContainerRegistry/registries/pull/read',
  'Microsoft.ContainerRegistry/registries/deleted/read',
  'Microsoft.ContainerRegistry/registries/deleted/restore/action',
  'microsoft.containerregistry/registries/PUSH/write',
  'Microsoft.Authorization/roleAssignments/write',
  'Microsoft.Network/virtualNetworks/read',
].map((text) => valid(parseAction(text)))
export const ACTION_PATTERNS = [
  ...[
    '*',
    '*/read',
    '*/write',
    '*/delete',
    '*READ',
    'Microsoft.ContainerRegistry/*',
    'Microsoft.ContainerRegistry/registries/*',
  ],
  ...['Microsoft.ContainerRegistry/registries/*/read', 'Microsoft.ContainerRegistry/registries/repositories/*'],
  ...[
    'Microsoft.ContainerRegistry/registries/repositories/content/*',
    '*/content/*',
    '*content*read',
    '*/action',
    'x/*',
  ],
  ...['Microsoft.ContainerRegistry/registries/pull/read', 'Microsoft.ContainerRegistry/registries/push/write'],
  ...['Microsoft.ContainerRegistry/registries/artifacts/delete', 'Microsoft.ContainerRegistry/registries/metadata/*'],
  ...[
    'Microsoft.ContainerRegistry/registries/quarantine/*',
    'Microsoft.ContainerRegistry/registries/sign/write',
    '**',
    '',
    '*ad*d',
  ],
  ...[
    'Microsoft.ContainerRegistry/registries/tasks/*',
    'Microsoft.Authorization/*/write',
    '*registries*registries*',
    '*read/read',
  ],
]
export const actionPattern = fc.oneof(
  { weight: 3, arbitrary: pick(...ACTION_PATTERNS) },
  { weight: 2, arbitrary: pick(...ACTIONS, ...ACTIONS.map((action) => action.toUpperCase())) },
  { weight: 1, arbitrary: pick<string>(...CONTROL_ACTIONS) },
)
