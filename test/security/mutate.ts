/**
 * Proves that the tests of the gate and of the commands can fail: changes one rule at a time, in a copy, and expects the
 * test that is named with it to notice. Run by hand: `npm run test:mutation:gate [PATTERN]`. Exit status 1 if one survives.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type Mutation, ROOT, tryMutations } from '../support/mutation.ts'

type GateMutation = Mutation & { readonly project: 'unit' | 'worker'; readonly test: string }

const MUTATIONS: readonly GateMutation[] = [
  {
    file: 'src/worker/store/store.ts',
    from: 'if (!stillAdmitted.ok) return stillAdmitted\n',
    to: '',
    project: 'worker',
    test: 'worker/store.test',
  },
  {
    file: 'src/cli/bundles/wrangler-kv.ts',
    from: 'const { DOCKGATE_SIGNING_KEY: _, ...environment } = process.env',
    to: 'const environment = process.env',
    project: 'unit',
    test: 'cli/bundles/wrangler-environment',
  },
  {
    file: 'src/worker/forward/list-endpoints.ts',
    from: 'parseRepositoryName(name).ok && (seesAll ||',
    to: '(seesAll || parseRepositoryName(name).ok &&',
    project: 'worker',
    test: 'worker/list.test',
  },
  {
    file: 'src/worker/identity/issuers/key-set.ts',
    from: '  key.d === undefined &&\n',
    to: '',
    project: 'unit',
    test: 'identity/issuers',
  },
  {
    file: 'src/worker/forward/upload-session.ts',
    from: "['upload', origin, name, caller]",
    to: "['upload', origin, name, caller.slice(0, 0)]",
    project: 'unit',
    test: 'security/forward',
  },
  {
    file: 'src/worker/forward/upload-session.ts',
    from: "['upload', origin, name, caller]",
    to: "['upload', origin, name.slice(0, 0), caller]",
    project: 'unit',
    test: 'security/forward',
  },
  {
    file: 'src/registry/acr-metadata.ts',
    from: "['DELETE name', { needs: ['content/delete'] }]",
    to: "['DELETE name', { needs: ['metadata/write'] }]",
    project: 'unit',
    test: 'security/forward',
  },
  {
    file: 'src/registry/acr-metadata.ts',
    from: "['PATCH name', { needs: ['metadata/write', 'metadata/read'], attributes: true }]",
    to: "['PATCH name', { needs: ['metadata/read'], attributes: true }]",
    project: 'unit',
    test: 'security/forward',
  },
  {
    file: 'src/registry/acr-metadata.ts',
    from: 'const repository = name === undefined || row.everywhere ? {}',
    to: 'const repository = name === undefined ? {}',
    project: 'unit',
    test: 'security/forward',
  },
]

const PARTS = ['src', 'test', 'dev', 'docs', 'policies', 'package.json', 'tsconfig.json', 'wrangler.toml']

/** Whether one of the tests that are named with these mutations fails. */
function isNoticed(copy: string, mutations: readonly GateMutation[]): boolean {
  const tests = new Map(mutations.map(({ project, test }) => [test, project]))
  return [...tests].some(([test, project]) => {
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
    const args = [vitest, 'run', '-c', 'test/vitest.config.ts', '--project', project, '--bail=1', test]
    return spawnSync(process.execPath, args, { cwd: copy, stdio: 'ignore', timeout: 600_000 }).status !== 0
  })
}

process.exitCode = tryMutations({ mutations: MUTATIONS, parts: PARTS, isNoticed, only: process.argv[2] ?? '' })
