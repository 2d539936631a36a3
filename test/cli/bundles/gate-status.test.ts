import { createServer, type Server } from 'node:http'
import { afterEach, expect, it } from 'vitest'
import { gatePolicy, waitForBundle } from '../../../src/cli/bundles/gate-status.ts'

let server: Server | undefined
afterEach(() => server?.close())

/** A gate that gives one answer after the other, and repeats the last. */
async function gateAnswering(...answers: readonly string[]): Promise<string> {
  let next = 0
  const listening = createServer((request, response) => {
    response.end(request.url === '/readyz' ? answers[Math.min(next++, answers.length - 1)] : 'elsewhere')
  })
  server = listening
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  const address = listening.address()
  if (address === null || typeof address === 'string') throw new Error('no port exists')
  return `http://127.0.0.1:${address.port}/some/path`
}

const SEVEN = { serial: 7, pointer: 'pointer', service: 'registry.example.com' }

it('waits until the gate uses the bundle', async () => {
  const url = await gateAnswering('{"ready":false}', '{"ready":true,"serial":6}', '{"ready":true,"serial":7}')
  expect(await waitForBundle(url, SEVEN)).toBeGreaterThan(0.9)
})

it('is content with a newer one', async () => {
  const url = await gateAnswering('{"ready":true,"serial":8,"keyId":"k"}')
  expect(await waitForBundle(url, SEVEN)).toBeLessThan(0.5)
  expect(await gatePolicy(url)).toEqual({ serial: 8, keyId: 'k' })
})

it.each(['{}', '{"serial":"7"}', 'null', '[]'])('finds no policy in %s', async (body) => {
  expect(await gatePolicy(await gateAnswering(body))).toBeUndefined()
})

it.each([
  ['what is not JSON', async () => gateAnswering('<html>'), 3],
  ['nobody', async () => 'http://127.0.0.1:1', 3],
  ['no URL', async () => 'registry', 2],
])('%s is an error with its own status', async (_, address, status) => {
  await expect(gatePolicy(await address())).rejects.toMatchObject({ status, hint: expect.any(String) })
})

it('does not take the bundle of another pointer or service for it', async () => {
  const url = await gateAnswering(
    '{"serial":9,"pointer":"staging","service":"registry.example.com"}',
    '{"serial":9,"pointer":"pointer","service":"staging.example.com"}',
    '{"serial":9,"pointer":"pointer","service":"registry.example.com"}',
  )
  expect(await waitForBundle(url, SEVEN)).toBeGreaterThan(0.9)
})
