/** Writes the JSON Schemas of policy files beside itself: `npm run schema`. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { schemaFiles } from '../src/files/schema.ts'

for (const [name, text] of Object.entries(schemaFiles())) await writeFile(join(import.meta.dirname, name), text)
