/** Tests of tables of mistakes: each text with everything that is reported about it. */
import { expect, it } from 'vitest'
import { readPolicies } from '../../../src/files/load.ts'
import { shown } from '../shown.ts'

/** A file, and its report as {@link shown} prints it. */
export type Mistake = readonly [text: string, report: readonly string[]]

const REGISTRY = { path: '0.yaml', text: 'registry: { service: registry.example.com }' }

/** Without another file if the text itself holds the section `registry`, which may be there once only. */
const filesOf = (path: string, text: string) => {
  const isAlone = text.startsWith('registry') && !text.includes('again') && !text.includes('---')
  return isAlone ? [{ path, text }] : [REGISTRY, { path, text }]
}

/** @param path the name of the file that is wrong; it decides between YAML and JSON */
export function reportsMistakes(mistakes: readonly Mistake[], path = 'a.yaml'): void {
  it.each(mistakes)('says all that is wrong with %j, and loads nothing', (text, report) => {
    const { policies, problems } = readPolicies(filesOf(path, text))
    expect(problems.map(shown)).toEqual(report)
    expect(policies).toBeUndefined()
  })
}
