/** Tells the example policies from a set of somebody's own: they trust identities that are not the reader's. */
import type { PolicySet } from '../../policy/model.ts'
import { CommandError } from '../terminal/command-error.ts'

/** Names that are reserved for documents and never belong to anybody (RFC 2606 section 3, RFC 6761 section 6.5). */
const RESERVED = /(?:^|\.)(?:example\.(?:com|net|org)|example)(?::\d+)?$/i

/** @throws {@link CommandError} 1 when the policies are still those of an example */
export function requireOwnPolicies({ registry }: PolicySet, directory: string): void {
  if (!RESERVED.test(registry.service)) return
  throw new CommandError(
    1,
    `the policies in ${directory} are for ${registry.service}, which is the name of an example`,
    {
      hint: 'an example trusts strangers: write your own with `dockgate init`, set registry.service to the host of your gate, and name the folder with --policies',
    },
  )
}
