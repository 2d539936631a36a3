/** Names for rules whose author gave none: where they stand. */
import type { Source } from '../../policy/model.ts'

/** Names the rules of one policy set: by line, and by column too where a line has several. */
export function ruleNames(): (name: string, source: Source) => string {
  const given = new Set<string>()
  return (name, { file, line, column }) => {
    if (name !== '') return name
    const short = `${file}:${line}`
    const position = given.has(short) ? `${short}:${column}` : short
    given.add(position)
    return position
  }
}
