/** Writes the JSON Schemas of policy files and of what the commands print, next to itself: `npm run schema`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { answerSchemas } from '../src/cli/json/json-schema.ts'
import { schemaFiles } from '../src/files/schema.ts'

for (const [name, text] of Object.entries({ ...schemaFiles(), ...answerSchemas() })) {
  const file = join(import.meta.dirname, name)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}
