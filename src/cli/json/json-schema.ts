/** The JSON Schemas of what the commands print with `--json`, for scripts that read it. */
import { z } from 'zod'
import { schemaText } from '../../files/schema.ts'
import { ANSWERS } from './schema.ts'

/** `token create` is in `commands/token-create.schema.json`. */
export const answerFile = (command: string): string => `commands/${command.replaceAll(' ', '-')}.schema.json`

/** Every schema by its name in `schema/`, as text. */
export const answerSchemas = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(ANSWERS).map(([command, answer]) => {
      const title = command === 'invalid' ? 'policies that are not valid' : `dockgate ${command} --json`
      return [answerFile(command), schemaText({ ...z.toJSONSchema(answer), title })]
    }),
  )
