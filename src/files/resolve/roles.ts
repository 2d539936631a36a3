/** The roles that assignments may name: declared ones and built-in ones. Each name is looked up once. */

import { findRole, roleGuid } from '../../policy/azure/roles.ts'
import type { RoleDefinition } from '../../policy/model.ts'
import type { Declared } from '../collect.ts'

/** The built-in and custom roles of a policy set, found by name or GUID. */
export class Roles {
  /** Those that are valid. */
  readonly definitions: readonly RoleDefinition[]
  readonly #declared: readonly Declared<RoleDefinition>[]
  readonly #found = new Map<string, RoleDefinition | undefined>()

  constructor(declared: readonly Declared<RoleDefinition>[]) {
    this.#declared = declared
    this.definitions = declared.flatMap(({ value }) => (value === undefined ? [] : [value]))
  }

  /** @param text name, GUID or resource id */
  find(text: string): RoleDefinition | undefined {
    if (!this.#found.has(text)) this.#found.set(text, findRole(text, this.definitions))
    return this.#found.get(text)
  }

  /** Whether a role of this name is declared, but wrong: reported already. */
  isBroken(text: string): boolean {
    const wanted = (roleGuid(text) ?? text).toLowerCase()
    return this.#declared.some(({ name, value }) => value === undefined && name.toLowerCase() === wanted)
  }
}
