/** Files without data: an empty one may have taken the place of deny assignments. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { loadPolicies, readPolicies } from '../../../src/files/load.ts'
import { shown } from '../shown.ts'

const REGISTRY = 'registry: { service: registry.example.com }'

const folders: string[] = []
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true }))))

it.each([
  ['1.yaml', '', '1.yaml:1:1 file_empty: the file is empty (write it again, or remove it)'],
  ['1.yaml', ' \n\t\n', '1.yaml:1:1 file_empty: the file is empty (write it again, or remove it)'],
  ['1.yaml', '\ufeff', '1.yaml:1:1 file_empty: the file is empty (write it again, or remove it)'],
  ['1.json', '', '1.json:1:1 file_empty: the file is empty (write it again, or remove it)'],
  ['1.json', '\n', '1.json:1:1 file_empty: the file is empty (write it again, or remove it)'],
  ['1.test.yaml', '', '1.test.yaml:1:1 file_empty: the file is empty (write it again, or remove it)'],
])('refuses a folder with the empty file %s %j, which a failed command may have left', async (path, text, expected) => {
  const folder = await mkdtemp(join(tmpdir(), 'policies-'))
  folders.push(folder)
  await writeFile(join(folder, '0.yaml'), REGISTRY)
  await writeFile(join(folder, path), text)
  const { policies, problems } = await loadPolicies(folder)
  expect(problems.map(shown)).toEqual([expected])
  expect(policies).toBeUndefined()
})

it.each([
  ['1.yaml', '# nothing yet', 'warning: 1.yaml:1:1 file_empty: the file holds no data (fill it, or remove it)'],
  ['1.yaml', '---\n', 'warning: 1.yaml:1:4 file_empty: the file holds no data (fill it, or remove it)'],
  ['1.yaml', '~', 'warning: 1.yaml:1:1 file_empty: the file holds no data (fill it, or remove it)'],
  ['1.json', 'null', 'warning: 1.json:1:1 file_empty: the file holds no data (fill it, or remove it)'],
  ['1.test.yml', '# no test', 'warning: 1.test.yml:1:1 file_empty: the file holds no data (fill it, or remove it)'],
])('warns of the file %s %j, which holds no data', (path, text, report) => {
  const { policies, problems } = readPolicies([
    { path: '0.yaml', text: REGISTRY },
    { path, text },
  ])
  expect(problems.map(shown)).toEqual([report])
  expect(policies).toBeDefined()
})
