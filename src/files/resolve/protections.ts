/** Protections of policy files. */
import type { Protection } from '../../policy/model.ts'
import { principalOf } from './assignments.ts'
import type { Context, Item } from './context.ts'
import { optional } from './optional.ts'

/** Resolves the names of a protection. Reports what is wrong with it; an empty list if it cannot be used. */
export function resolveProtection(
  { entry, value }: Item<'protections'>,
  { names }: Pick<Context, 'names'>,
): readonly Protection[] {
  if (value === undefined) return []
  const { name, repositories, tags, writeOnce, except, mode, message } = value
  return [
    {
      name,
      writeOnce,
      except: except.map((item, index) => principalOf(item, entry.at('except', index), names)),
      mode,
      ...optional('repositories', repositories),
      ...optional('tags', tags),
      ...optional('message', message),
      source: entry.source,
    },
  ]
}
