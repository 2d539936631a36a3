import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { schemaFiles } from '../../src/files/schema.ts'

const committed = (name: string) => readFileSync(new URL(`../../schema/${name}`, import.meta.url), 'utf8')

/** Every schema of a named key, with its path. */
function* keys(schema: unknown, path: string): Generator<[string, unknown]> {
  if (typeof schema !== 'object' || schema === null) return
  for (const [name, value] of Object.entries(schema)) {
    if (name === 'properties') for (const [key, inner] of Object.entries(value)) yield [`${path}.${key}`, inner]
    yield* keys(value, name === 'properties' ? path : `${path}/${name}`)
  }
}

const hasDescription = (schema: unknown): boolean =>
  typeof schema === 'object' &&
  schema !== null &&
  ('description' in schema || ('anyOf' in schema && Array.isArray(schema.anyOf) && schema.anyOf.some(hasDescription)))

describe('schema/', () => {
  it.each(Object.entries(schemaFiles()))('%s is that of the definition (else: npm run schema)', (name, text) => {
    expect(committed(name)).toBe(text)
  })

  it.each(Object.keys(schemaFiles()))('%s explains every key', (name) => {
    const all = [...keys(JSON.parse(committed(name)), '')]
    expect(all.length).toBeGreaterThan(10)
    expect(all.filter(([, schema]) => !hasDescription(schema)).map(([key]) => key)).toEqual([])
  })

  it('knows every section and refuses others', () => {
    const schema = JSON.parse(committed('policy.schema.json'))
    expect(Object.keys(schema.properties)).toEqual([
      '$schema',
      'registry',
      'scopeMaps',
      'tokens',
      'issuers',
      'identities',
      'roles',
      'roleAssignments',
      'denyAssignments',
      'protections',
    ])
    expect(schema.additionalProperties).toBe(false)
  })
})
