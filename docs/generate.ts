/**
 * Makes the documents that say what the code says: `npm run docs` writes them, `npm run docs:check` only compares, and fails
 * when a committed one differs. Prose is never touched: only whole generated pages, and the text between marks.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rolesDocument } from '../src/cli/commands/roles.ts'
import { lintsPage } from '../src/lint/lints.ts'
import {
  architectureParts,
  floorsPicture,
  journeyPicture,
  POLICY_JOURNEY,
  REQUEST_JOURNEY,
} from './generate/architecture.ts'
import { commandsPage } from './generate/commands.ts'
import { fill } from './generate/markdown.ts'
import { PICTURES } from './generate/pictures.ts'
import { referenceParts } from './generate/reference.ts'
import { refusalParts } from './generate/refusals.ts'

/** How each page is made from what is committed. */
const PAGES: Readonly<Record<string, (committed: string) => string | Promise<string>>> = {
  'commands.md': commandsPage,
  'roles.md': rolesDocument,
  'lints.md': lintsPage,
  'architecture.md': (page) => fill(page, architectureParts()),
  'images/rooms.svg': floorsPicture,
  'images/request.svg': () => journeyPicture('The way of one registry request through the rooms.', REQUEST_JOURNEY),
  'images/policy-file.svg': () => journeyPicture('The way of a policy file to the gate.', POLICY_JOURNEY),
  ...Object.fromEntries(Object.entries(PICTURES).map(([name, make]) => [`images/${name}`, make])),
  'policies.md': (page) => fill(page, referenceParts()),
  'operations.md': async (page) => fill(page, await refusalParts()),
}

export type GeneratedPage = { readonly name: string; readonly committed: string; readonly text: string }

/** Every generated page as it is in `docs/`, and as it should be. */
export const generatedPages = (): Promise<readonly GeneratedPage[]> =>
  Promise.all(
    Object.entries(PAGES).map(async ([name, make]) => {
      const committed = await readFile(pathOf(name), 'utf8').catch(() => '')
      return { name, committed, text: await make(committed) }
    }),
  )

const pathOf = (name: string): string => join(import.meta.dirname, name)

if (import.meta.main) {
  const outdated = (await generatedPages()).filter(({ committed, text }) => committed !== text)
  if (process.argv.includes('--check')) {
    for (const { name } of outdated)
      process.stderr.write(`docs/${name} is not what the code says: run \`npm run docs\`\n`)
    process.exitCode = outdated.length === 0 ? 0 : 1
  } else {
    for (const { name, text } of outdated) await writeFile(pathOf(name), text)
  }
}
