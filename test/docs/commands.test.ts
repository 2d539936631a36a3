/** Every command of ours in the documents is run, and what is shown below it is what it prints. */
import { afterAll, describe, expect, it } from 'vitest'
import { leaves } from '../../docs/generate/commands.ts'
import { program } from '../../src/cli/program.ts'
import { blocksOf, type Command, commandsOf, documents, readDocument } from './markdown.ts'
import { DocumentSession, type Outcome } from './session.ts'
import { matches, unknownUses } from './shown.ts'

const TIMEOUT_MS = 180_000
/** A change of the policies reaches a running gate behind an answer. */
const ATTEMPTS = 120
const PAUSE_MS = 500

/** Programs that need a registry elsewhere, or that a machine need not have: test/e2e drives those that it can get. */
const ELSEWHERE = /^(?:aws|az|crane|docker|gcloud|git|helm|oras|podman|regctl|skopeo) /

/** Waits for a gate that has not heard of the last change yet. */
async function settled(session: DocumentSession, command: Command): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await session.run(command)
    const isSettled = !command.text.startsWith('curl ') || matches(command.output, outcome.lines)
    if (isSettled || attempt === ATTEMPTS) return outcome
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}

const SESSIONS = documents().flatMap((path) => {
  const blocks = blocksOf(readDocument(path)).filter(({ notRun }) => notRun === undefined)
  return blocks.some((block) => commandsOf(block).length > 0) ? [{ path, blocks }] : []
})

describe.concurrent.each(SESSIONS)('$path', ({ path, blocks }) => {
  const session = new DocumentSession(readDocument(path).includes('<!-- begins in an empty folder -->'))
  afterAll(() => session.close())

  it('shows what its commands print', { timeout: TIMEOUT_MS }, async ({ expect }) => {
    for (const block of blocks) {
      if (block.write !== undefined) session.write(block.write, block.text)
      if (block.before !== undefined) await session.run({ line: block.line, text: block.before, output: [] })
      for (const command of commandsOf(block)) {
        if (ELSEWHERE.test(command.text)) continue
        const { status, lines } = await settled(session, command)
        const place = `${path}:${command.line}: ${command.text}`
        // A question may be answered no; wrong use and failing systems are mistakes of the document.
        expect(status, `${place}\n${lines.join('\n')}`).toBeOneOf([0, 1])
        if (command.output.length === 0) expect(status, `${place}\n${lines.join('\n')}`).toBe(0)
        else if (!matches(command.output, lines)) expect(lines.join('\n'), place).toBe(command.output.join('\n'))
      }
    }
  })
})

describe('blocks that are not run', () => {
  it('are few, and each says why', () => {
    const marked = documents().flatMap((path) =>
      blocksOf(readDocument(path)).flatMap(({ line, notRun, text }) =>
        notRun === undefined ? [] : [{ path, line, notRun, text }],
      ),
    )
    for (const { path, line, notRun, text } of marked) {
      expect(notRun, `${path}:${line}`).toMatch(/\w+ \w+/)
      expect(text, `${path}:${line} is marked without need`).toMatch(/^\$ /m)
    }
  })

  it('name commands and options that there are', { timeout: TIMEOUT_MS }, async () => {
    const options = new Map(
      leaves(await program()).map(({ name, command }) => [name, command.options.flatMap(({ long }) => long ?? [])]),
    )
    const unknown = documents().flatMap((path) =>
      blocksOf(readDocument(path)).flatMap(({ line, text }) =>
        unknownUses(text, options).map((use) => `${path}:${line}: ${use}`),
      ),
    )
    expect(unknown).toEqual([])
  })
})
