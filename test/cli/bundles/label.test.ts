/** What a bundle is labelled with: the text that is given, or the last commit of the policy folder. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LABEL } from '../../../src/bundle/manifest.ts'
import { labelOf, named } from '../../../src/cli/bundles/label.ts'
import { outcomeOf } from '../outcome.ts'

let root: string
let policies: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dockgate-label-'))
  policies = join(root, 'policies')
  mkdirSync(policies)
  writeFileSync(join(policies, 'policy.yaml'), 'registry: { service: r }\n')
})
afterEach(() => rmSync(root, { recursive: true }))

const git = (...args: readonly string[]): string => {
  const who = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com', '-c', 'commit.gpgSign=false']
  return execFileSync('git', ['-C', root, ...who, ...args], { encoding: 'utf8' }).trim()
}
const commit = (subject: string): string => {
  git('add', '-A')
  git('commit', '-q', '--allow-empty', '-m', subject)
  return git('log', '-1', '--format=%h')
}
const beginRepository = () => git('init', '-q')

describe('the label of a bundle', { timeout: 60_000 }, () => {
  it('is the last commit of the policy folder, and says when files differ from it', async () => {
    beginRepository()
    const hash = commit('Give team-x push')
    expect(await labelOf({}, policies)).toBe(`${hash} Give team-x push`)
    writeFileSync(join(root, 'README'), 'of something else\n')
    commit('Write a page')
    expect(await labelOf({}, policies)).toBe(`${hash} Give team-x push`)
    writeFileSync(join(policies, 'more.yaml'), 'tokens: {}\n')
    expect(await labelOf({}, policies)).toBe(`${hash} Give team-x push, and changes that are not committed`)
  })

  it('is one line without control characters, whatever the subject says', async () => {
    beginRepository()
    const subject = `\u001b[31mred\u202e${'long '.repeat(60)}`
    commit(subject)
    const label = await labelOf({}, policies)
    expect(label).toMatch(LABEL)
    expect(label).toHaveLength(200)
    expect(label?.endsWith('…')).toBe(true)
  })

  it.each([
    ['outside of a repository', () => undefined],
    ['in a repository without commits', beginRepository],
    [
      'in a folder that was never committed',
      () => {
        beginRepository()
        writeFileSync(join(root, '.gitignore'), 'policies\n')
        commit('Ignore the policies')
      },
    ],
  ])('is absent %s', async (_, prepare) => {
    prepare()
    expect(await labelOf({}, policies)).toBeUndefined()
  })

  it('is absent where the folder is not there', async () => {
    expect(await labelOf({}, join(root, 'nowhere'))).toBeUndefined()
  })

  it.each(['release 7', 'ä', '🦭', 'x'.repeat(200)])('is the text %j that is given', async (label) => {
    expect(await labelOf({ label }, policies)).toBe(label)
  })

  it.each(['', 'a\nb', '\t', '\u001b[2J', '\u200b', 'x\u2028y', 'x'.repeat(201)])(
    'is not the text %j',
    async (label) => {
      expect(await outcomeOf(labelOf({ label }, policies))).toEqual(
        "exit 2: the label is not one line of 1 to 200 characters (leave out line breaks and control characters, e.g. --label 'Give team-x push')",
      )
    },
  )

  it('is none with --no-label', async () => {
    beginRepository()
    commit('Give team-x push')
    expect(await labelOf({ label: false }, policies)).toBeUndefined()
  })

  it('is shown behind the serial', () => {
    expect([named(7, undefined), named(7, '1a2b3c4 First')]).toEqual(['7', '7 (1a2b3c4 First)'])
  })
})
