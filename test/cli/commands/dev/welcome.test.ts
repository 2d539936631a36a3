/** The commands that `dockgate dev` prints are let through, or refused, as they say: under anybody's policies. */
import { describe, expect, it } from 'vitest'
import { Policies } from '../../../../src/cli/answers/policies.ts'
import { welcome } from '../../../../src/cli/commands/dev/welcome.ts'
import { loadPolicies, readPolicies } from '../../../../src/files/load.ts'
import { exampleFolder } from '../../../support/examples.ts'

const EXAMPLES = exampleFolder()

const NOW = Date.parse('2026-09-01T00:00:00Z') / 1000
const URLS = { url: 'http://127.0.0.1:8787', registry: 'http://127.0.0.1:40000' }
const TAG = '@Request[Dockgate/request:tag]'

function policiesOf(text: string): Policies {
  const { policies, problems } = readPolicies([{ path: 'p.yaml', text }])
  if (policies === undefined) throw new Error(JSON.stringify(problems))
  return new Policies('policies', policies, [])
}

/** What is printed when every token has a generated password. */
function printed(policies: Policies, urls: { url: string; registry?: string } = URLS): string {
  const passwords = new Map(policies.set.tokens.map(({ name }) => [name, `secret-of-${name}`]))
  return welcome({ ...urls, policies, passwords, passwordFile: '.dockgate/p.json', now: NOW })
}

/** What the printed lines for crane do, by the heading above them. */
const copies = (text: string): readonly string[] =>
  text.split('\n').flatMap((line) => {
    const [, source, target] = /^ {2}crane copy --insecure (\S+) (\S+)$/.exec(line) ?? []
    return /^Token .*:$/.test(line) ? [line] : source === undefined ? [] : [`${source} -> ${target}`]
  })

const PUBLIC = 'registry: { anonymous: [repositories/public/*/content/read] }\n'
const maps = (...patterns: readonly string[]): string =>
  patterns
    .map((p, i) => `  m${i}: { actions: [repositories/${p}/content/read, repositories/${p}/content/write] }\n`)
    .join('')
const deny = (what: string): string => `denyAssignments:\n  - { name: d, principals: [everyone], ${what} }\n`

describe('the welcome of dev', () => {
  it('is for the example what the tutorial says', async () => {
    const { policies } = await loadPolicies(EXAMPLES)
    if (policies === undefined) throw new Error('not valid')
    expect(copies(printed(new Policies('policies', policies, [])))).toEqual([
      'Token ci may push:',
      '127.0.0.1:8787/public/hello:latest -> 127.0.0.1:8787/samples/hello:v1',
      'Token nodes may not push, and the client says why:',
      '127.0.0.1:8787/public/hello:latest -> 127.0.0.1:8787/samples/hello:v2',
    ])
  })

  it.each([
    [
      'without public images, the image comes from behind the gate',
      `scopeMaps:\n${maps('web/*')}tokens:\n  build: { scopeMap: m0 }\n  reader: { scopeMap: _repositories_pull }\n`,
      [
        'Token build may push:',
        '127.0.0.1:40000/public/hello:latest -> 127.0.0.1:8787/web/hello:v1',
        'Token reader may not push, and the client says why:',
        '127.0.0.1:8787/public/hello:latest -> 127.0.0.1:8787/web/hello:v2',
      ],
    ],
    [
      'one repository is not a prefix',
      `${PUBLIC}scopeMaps:\n${maps('app')}tokens: { build: { scopeMap: m0 } }\n`,
      ['Token build may push:', '127.0.0.1:8787/public/hello:latest -> 127.0.0.1:8787/app:v1'],
    ],
    [
      'a deny leaves the first repository out, and the token that has no other',
      `${PUBLIC}scopeMaps:\n${maps('old/*', 'new/*')}tokens:\n  one: { scopeMap: m0 }\n  two: { scopeMap: m1 }\n${deny('permissions: [content/write], repositories: [old/*]')}`,
      [
        'Token two may push:',
        '127.0.0.1:8787/public/hello:latest -> 127.0.0.1:8787/new/hello:v1',
        'Token one may not push, and is refused:',
        '127.0.0.1:8787/public/hello:latest -> 127.0.0.1:8787/new/hello:v2',
      ],
    ],
    [
      'tags are versions',
      `${PUBLIC}scopeMaps:\n${maps('a/*')}tokens: { build: { scopeMap: m0 } }\n${deny(`permissions: [content/write], condition: "NOT (${TAG} StringLike 'v?.*')"`)}`,
      ['Token build may push:', '127.0.0.1:8787/public/hello:latest -> 127.0.0.1:8787/a/hello:v1.0.0'],
    ],
    [
      'a disabled token does not even log in',
      `${PUBLIC}scopeMaps:\n${maps('a/*')}tokens:\n  old: { scopeMap: m0, status: disabled }\n  build: { scopeMap: m0 }\n  gone: { scopeMap: _repositories_pull, status: disabled }\n`,
      ['Token build may push:', '127.0.0.1:8787/public/hello:latest -> 127.0.0.1:8787/a/hello:v1'],
    ],
    [
      'rights of a role count, once they have begun',
      `${PUBLIC}scopeMaps: { none: { actions: [] } }\ntokens: { late: { scopeMap: none }, now: { scopeMap: none } }\nroleAssignments:\n  - { principal: token:late, role: Container Registry Repository Writer, repositories: [a/*], notBefore: 2026-09-01T00:00:01Z }\n  - { principal: token:now, role: Container Registry Repository Writer, repositories: [b/*] }\n`,
      [
        'Token now may push:',
        '127.0.0.1:8787/public/hello:latest -> 127.0.0.1:8787/b/hello:v1',
        'Token late may not push, and is refused:',
        '127.0.0.1:8787/public/hello:latest -> 127.0.0.1:8787/b/hello:v2',
      ],
    ],
  ])('%s', (_, text, expected) => {
    expect(copies(printed(policiesOf(text)))).toEqual(expected)
  })

  it('pulls where no token may push', () => {
    const text = printed(policiesOf('tokens: { reader: { scopeMap: _repositories_pull } }\n'))
    expect(text).toMatch(/^Token reader may pull:\n/)
    expect(text).toContain('\n  docker pull 127.0.0.1:8787/public/hello:latest\n')
    expect(text).not.toMatch(/push|copy/)
  })

  it('pulls nothing that may not be pulled', () => {
    const text = printed(policiesOf('scopeMaps: { none: { actions: [] } }\ntokens: { nobody: { scopeMap: none } }\n'))
    expect(text).toBe('The passwords of all tokens that have none in the policies: .dockgate/p.json')
  })

  it('takes an image of the reader before a registry of somebody else', () => {
    const policies = policiesOf(`scopeMaps:\n${maps('a/*')}tokens: { build: { scopeMap: m0 } }\n`)
    const text = printed(policies, { url: URLS.url })
    expect(copies(text)).toEqual(['Token build may push:', 'IMAGE -> 127.0.0.1:8787/a/hello:v1'])
    expect(text).toContain('\n  docker tag IMAGE 127.0.0.1:8787/a/hello:v1 && docker push')
    expect(text).toContain('\nIMAGE stands for any image that you have.\n')
  })

  it('says nothing where no password is known', () => {
    const policies = policiesOf('tokens: { reader: { scopeMap: _repositories_pull } }\n')
    expect(welcome({ ...URLS, policies, passwords: new Map(), passwordFile: 'p.json', now: NOW })).toBe('')
  })
})
