/** The options of commands that need the signing key of bundles. */
import { DEFAULT_STATE } from '../bundles/kv-options.ts'

type Options = { readonly key?: string; readonly remote?: true; readonly state?: string }

/** The key of local state signs only for local state. */
export const keyOptions = ({ key, remote, state }: Options) => ({
  ...(key === undefined ? {} : { key }),
  ...(remote === true ? {} : { stateDirectory: state ?? DEFAULT_STATE }),
})
