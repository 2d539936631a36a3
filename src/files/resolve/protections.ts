/** Protections of policy files. */
import type { Protection } from '../../policy/model.ts'
import { complaint } from '../problem.ts'
import { principalOf } from './assignments.ts'
import type { Context, Item } from './context.ts'
import { optional } from './optional.ts'

/** Resolves the names of a protection. Reports what is wrong with it; an empty list if it cannot be used. */
export function resolveProtection(
  { entry, value }: Item<'protections'>,
  { names, report }: Pick<Context, 'names' | 'report'>,
): readonly Protection[] {
  if (value === undefined) return []
  const { name, repositories, tags, writeOnce = false, quarantine = false, releaseAfter, except, mode, message } = value
  if (!writeOnce && !quarantine) {
    const hint = 'add writeOnce: true or quarantine: true'
    report.error(entry.source, complaint('missing_key', 'the protection protects nothing', hint))
  }
  if (quarantine && tags !== undefined && !writeOnce) {
    const hint = 'remove tags: a quarantine is about every manifest of the repositories'
    report.error(entry.keyAt('tags'), complaint('ambiguous', 'tags has no effect on a quarantine', hint))
  }
  if (!quarantine && releaseAfter !== undefined) {
    const hint = 'add quarantine: true, or remove releaseAfter'
    report.error(entry.keyAt('releaseAfter'), complaint('ambiguous', 'releaseAfter needs quarantine', hint))
  }
  return [
    {
      name,
      writeOnce,
      except: except.map((item, index) => principalOf(item, entry.at('except', index), names)),
      mode,
      ...optional('repositories', repositories),
      ...optional('tags', tags),
      ...optional('quarantine', quarantine ? optional('releaseAfter', releaseAfter) : undefined),
      ...optional('message', message),
      source: entry.source,
    },
  ]
}
