/** The text of an imported policy file: sections in their usual order, a comment on each rule that says where it is from. */
import { Document, isMap, isSeq, type YAMLMap } from 'yaml'
import { TOKEN_NAME } from '../policy/principal.ts'

/** One rule as the text of a policy file. */
export type RuleText = {
  readonly name: string
  readonly principal: string
  readonly role: string
  readonly repositories?: readonly string[]
  readonly condition?: string
  /** Said above the rule. */
  readonly comment?: string
}

/** The sections of a policy file that an import writes. */
export type Sections = {
  readonly registry?: object
  readonly scopeMaps?: object
  readonly tokens?: object
  readonly issuers?: object
  readonly roles?: readonly object[]
  readonly roleAssignments?: readonly RuleText[]
}

/** The text of a policy file. `header` are the lines of the comment at its top. */
export function policyText(header: readonly string[], sections: Sections): string {
  const { roleAssignments = [], ...others } = sections
  const rules = roleAssignments.map(({ comment: _, ...rule }) => rule)
  const data = { ...others, ...(rules.length === 0 ? {} : { roleAssignments: rules }) }
  const filled = Object.entries(data).filter(([, value]) => value !== undefined && Object.keys(value).length > 0)
  const document = new Document(Object.fromEntries(filled), { aliasDuplicateObjects: false })
  document.commentBefore = header.map((line) => (line === '' ? '' : ` ${line}`)).join('\n')
  const { contents } = document
  if (isMap(contents)) {
    for (const [index, pair] of (contents as YAMLMap<{ spaceBefore?: boolean }>).items.entries())
      pair.key.spaceBefore = index > 0
    const list = contents.get('roleAssignments')
    if (isSeq<YAMLMap>(list)) {
      for (const [index, item] of list.items.entries()) {
        const comment = roleAssignments[index]?.comment
        if (comment !== undefined) item.commentBefore = ` ${comment}`
        const repositories = item.get('repositories')
        if (isSeq(repositories)) repositories.flow = true
      }
    }
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** A map for tokens whose rights are all in role assignments. */
export const NO_RIGHTS = 'by-role-assignment'
/** A scope map that grants nothing, for tokens whose rights are role assignments. */
export const NO_RIGHTS_MAP = {
  [NO_RIGHTS]: { description: 'Nothing: what these tokens may do is in role assignments', actions: [] },
} as const

/** Whether a user can become a token; one name is not a key of a policy file. */
export const isTokenName = (text: string): boolean => TOKEN_NAME.test(text) && text !== '__proto__'

/** Azure's spelling of a data action on repositories. */
const dataAction = (permission: string): string => `Microsoft.ContainerRegistry/registries/repositories/${permission}`

/** A custom role of data permissions. */
export const customRole = (name: string, permissions: readonly string[]): object => ({
  Name: name,
  permissions: [{ dataActions: permissions.map(dataAction) }],
})
