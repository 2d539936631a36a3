/** What the commands write that nobody else may read: git sees none of it. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withDevelopmentSecrets } from '../../../src/cli/commands/dev/secrets.ts'
import { keysCommand } from '../../../src/cli/commands/keys.ts'
import { ignoreInGit } from '../../../src/cli/keys/git-ignore.ts'
import { developmentKeys } from '../../../src/cli/keys/key-files.ts'
import { readPolicies } from '../../../src/files/load.ts'

let checkout: string
const git = async (...args: readonly string[]) => (await promisify(execFile)('git', args, { cwd: checkout })).stdout
/** What `git add --all` would add. */
const seenByGit = async () => (await git('ls-files', '--others', '--exclude-standard')).split('\n').filter(Boolean)

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'dockgate-git-'))
  await git('init', '--quiet')
})
afterEach(() => rm(checkout, { recursive: true, force: true }))

describe('in a git work tree without a .gitignore', () => {
  it.each(['keys', 'new-keys', 'deep/er', '.'])('keys generate --out %s shows git no private key', async (out) => {
    await keysCommand().parseAsync(['generate', '--out', join(checkout, out)], { from: 'user' })
    const seen = (await seenByGit()).map((path) => path.slice(path.lastIndexOf('/') + 1))
    expect(seen.sort()).toEqual(['.gitignore', 'policy-public-keys.json'])
  })

  it.each(['.dockgate', 'state'])('a development gate with its state in %s shows git no secret', async (state) => {
    const { policies } = readPolicies([{ path: 'a.yaml', text: 'tokens: { ci: { scopeMap: _repositories_pull } }' }])
    if (policies === undefined) throw new Error('the policies are not valid')
    const { passwords } = await withDevelopmentSecrets(policies, join(checkout, state))
    const keys = await developmentKeys(join(checkout, state))
    const shown = await Promise.all((await seenByGit()).map((path) => readFile(join(checkout, path), 'utf8')))
    expect(shown.length).toBeGreaterThan(0)
    for (const secret of [...passwords.values(), keys.policySigningKey, keys.tokenSigningKey]) {
      expect(secret.length).toBeGreaterThan(20)
      expect(shown.filter((text) => text.includes(secret))).toEqual([])
    }
  })
})

describe('ignoreInGit', () => {
  it.each([
    { of: 'an empty file', before: '', after: '/a\n/b\n' },
    { of: 'a file with other patterns', before: 'x\n', after: 'x\n/a\n/b\n' },
    { of: 'a file whose last line does not end', before: 'x', after: 'x\n/a\n/b\n' },
    { of: 'a file with one of the patterns', before: '/a\r\nx\n', after: '/a\r\nx\n/b\n' },
    { of: 'a file with all of them', before: '/b\n/a', after: '/b\n/a' },
  ])('adds to $of only what it lacks', async ({ before, after }) => {
    await writeFile(join(checkout, '.gitignore'), before)
    await ignoreInGit(checkout, ['/a', '/b'])
    expect(await readFile(join(checkout, '.gitignore'), 'utf8')).toBe(after)
  })

  it('rejects where the file cannot be read or written', async () => {
    await mkdir(join(checkout, '.gitignore'))
    await expect(ignoreInGit(checkout, ['/a'])).rejects.toMatchObject({ code: 'EISDIR' })
    await expect(ignoreInGit(join(checkout, 'nowhere'), ['/a'])).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
