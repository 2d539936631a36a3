/** Writes the JSON Schemas of policy files and of what the commands print, next to itself: `npm run schema`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { answerSchemas } from '../src/cli/json/json-schema.ts'
import { RECORD_FILE, recordSchema } from '../src/cli/json/record.ts'
import { schemaFiles, schemaText } from '../src/files/schema.ts'

const texts = { ...schemaFiles(), ...answerSchemas(), [RECORD_FILE]: schemaText(recordSchema()) }
for (const [name, text] of Object.entries(texts)) {
  const file = join(import.meta.dirname, name)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}
