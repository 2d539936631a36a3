import { expect, it } from 'vitest'
import { newSecret, sha256Hex } from '../../../src/cli/keys/secret.ts'

it('makes secrets of 256 bits that no command takes for an option, never one twice', () => {
  const secrets = Array.from({ length: 2000 }, newSecret)
  expect(secrets.filter((secret) => !/^\w[\w-]{42}$/.test(secret))).toEqual([])
  expect(new Set(secrets).size).toBe(secrets.length)
})

it('keeps the digest that `sha256sum` prints', () => {
  expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
