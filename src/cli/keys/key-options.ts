/** The options of commands that need the signing key of bundles. */
import { DEFAULT_STATE } from '../bundles/kv-options.ts'

type Options = { readonly key?: string; readonly remote?: true; readonly store?: string; readonly state?: string }

/** The key of local state signs only for local state. */
export const keyOptions = ({ key, remote, store, state }: Options) => ({
  ...(key === undefined ? {} : { key }),
  ...(remote === true || store === 'kv' ? {} : { stateDirectory: state ?? DEFAULT_STATE }),
})
