/** What a terminal shows while a command works, and that nothing else ever sees it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as output from '../../../src/cli/terminal/output.ts'
import { showing } from '../../../src/cli/terminal/progress.ts'

let written = ''

beforeEach(() => {
  written = ''
  vi.useFakeTimers({ now: 0 })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += String(text)
    return true
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  for (const name of ['isTTY', 'columns']) Reflect.deleteProperty(process.stderr, name)
})

function terminal(columns: number | undefined): void {
  for (const [name, value] of [
    ['isTTY', columns !== undefined],
    ['columns', columns],
  ] as const) {
    Object.defineProperty(process.stderr, name, { value, configurable: true, writable: true })
  }
}

const passed = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))
/** The states of the last line, in their order. */
const states = () => written.split('\r\u001b[2K').slice(1)

async function during(milliseconds: number, what = 'reading'): Promise<void> {
  const task = showing(what, () => passed(milliseconds))
  await vi.advanceTimersByTimeAsync(milliseconds)
  await task
}

describe('progress', () => {
  it('of a short task is not shown', async () => {
    terminal(80)
    await during(290)
    expect(written).toBe('')
  })

  it('of a long task is shown with its seconds, in one place, and is gone at its end', async () => {
    terminal(80)
    await during(2600)
    expect([...new Set(states())]).toEqual(['reading', 'reading, 1 s', 'reading, 2 s', ''])
    expect(states().at(-1)).toBe('')
    expect(written).not.toContain('\n')
  })

  it.each([[undefined], [0]])('through a pipe is silent (columns: %j)', async (columns) => {
    terminal(undefined)
    if (columns !== undefined) Object.defineProperty(process.stderr, 'columns', { value: columns, configurable: true })
    await during(5000)
    expect(written).toBe('')
  })

  it.each([20, 40, 80])('never fills a line of %i columns, so that the terminal does not scroll', async (columns) => {
    terminal(columns)
    await during(1000, 'x'.repeat(200))
    expect(states().length).toBeGreaterThan(1)
    for (const state of states()) expect(state.length).toBeLessThan(columns)
  })

  it('says how far a task is, also where it lets no timer run', async () => {
    terminal(80)
    await showing('encoding', async (tell) => {
      tell('1 shard')
      vi.setSystemTime(400)
      vi.advanceTimersByTime(0)
      tell('parsing', true)
    })
    expect(states()).toEqual(['encoding, parsing', ''])
  })

  it('gives way to a line that is written meanwhile, and comes again below it', async () => {
    terminal(80)
    const task = showing('pushing', () => passed(1000))
    await vi.advanceTimersByTimeAsync(500)
    written = ''
    output.note('one test failed')
    expect(written).toBe('\r\u001b[2Kone test failed\n')
    await vi.advanceTimersByTimeAsync(500)
    await task
    expect(written).toContain('one test failed\n\r\u001b[2Kpushing')
  })

  it('inside of another is not shown', async () => {
    terminal(80)
    const task = showing('outer', () => showing('inner', () => passed(1000)))
    await vi.advanceTimersByTimeAsync(1000)
    await task
    expect(written).toContain('outer')
    expect(written).not.toContain('inner')
  })

  it('of a task that fails is gone, and another one is shown after it', async () => {
    terminal(80)
    const task = showing('failing', async () => {
      await passed(600)
      throw new Error('no')
    })
    const failed = expect(task).rejects.toThrow('no')
    await vi.advanceTimersByTimeAsync(600)
    await failed
    expect(states().at(-1)).toBe('')
    await during(600, 'next')
    expect(written).toContain('next')
  })
})
