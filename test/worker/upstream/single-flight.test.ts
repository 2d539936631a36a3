import { expect, it, vi } from 'vitest'
import { SingleFlight } from '../../../src/worker/upstream/single-flight.ts'

it('is one call for all who ask meanwhile, and another one for who asks later', async () => {
  const flight = new SingleFlight<number>(1000)
  let count = 0
  const call = async () => {
    await Promise.resolve()
    count += 1
    return count
  }
  expect(await Promise.all([flight.run('a', call), flight.run('a', call), flight.run('b', call)])).toEqual([1, 1, 2])
  expect(await flight.run('a', call)).toBe(3)
})

it('shares a failure, and forgets it', async () => {
  const flight = new SingleFlight<string>(1000)
  const call = vi.fn().mockRejectedValueOnce(new Error('down')).mockResolvedValue('up')
  const outcomes = await Promise.allSettled([flight.run('a', call), flight.run('a', call)])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await flight.run('a', call)).toBe('up')
})

it('is not waited for when its own request took it along', async () => {
  const flight = new SingleFlight<string>(20)
  void flight.run('a', () => new Promise(() => undefined))
  expect(await flight.run('a', () => Promise.resolve('own'))).toBe('own')
  expect(await flight.run('a', () => Promise.resolve('next'))).toBe('next')
})
