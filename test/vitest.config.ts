import { availableParallelism } from 'node:os'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { marking } from './messages/texts.ts'

/** What hangs ends some day; what is slow on a busy machine is not a fault. */
const PATIENT = { testTimeout: 120_000, hookTimeout: 180_000, expect: { poll: { timeout: 60_000 } } }

/** Four suites: `unit` in Node, `messages` to see that it asserts every message, `worker` in workerd, `e2e` with real clients and registries. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    // Tests of clients and wrangler wait for other processes much of their time.
    maxWorkers: availableParallelism() + 1,
    reporters: ['default', './support/skipped.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles: ['seed.ts'],
          include: [
            '*.test.ts',
            '{base,registry,engine,package,identity,policy,lint,bundle,files,importers,cli,dev,docs,security,bench,support}/**/*.test.ts',
          ],
          ...PATIENT,
        },
      },
      {
        plugins: [marking],
        test: {
          name: 'messages',
          // A mark depends on which other files there are, and what is cached does not know.
          fsModuleCache: false,
          setupFiles: ['seed.ts'],
          globalSetup: ['messages/setup.ts'],
          include: ['messages/**/*.test.ts'],
          ...PATIENT,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: '../wrangler.toml' },
            // vitest asks for this module, and would print a warning for each file without it.
            miniflare: { compatibilityFlags: ['enable_nodejs_inspector_module'] },
          }),
        ],
        test: {
          name: 'worker',
          setupFiles: ['seed.ts'],
          include: ['worker/**/*.test.ts'],
          // A workerd for each file would take four times as long as the tests themselves.
          isolate: false,
          ...PATIENT,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          ...PATIENT,
          // A command that starts wrangler takes minutes on a busy machine.
          testTimeout: 300_000,
        },
      },
    ],
  },
})
