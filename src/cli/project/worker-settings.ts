/** Settings of the Worker that the command repeats: for `dockgate dev`, and for the projects that `dockgate init` writes. */

/** As in `wrangler.toml`; a test holds them equal. */
export const COMPATIBILITY_DATE = '2026-11-01'
/** Compatibility flags of the Worker, as in `wrangler.toml`. */
export const COMPATIBILITY_FLAGS = ['no_nodejs_compat', 'global_fetch_strictly_public', 'enable_request_signal']
/** Name of the Worker and id of its KV namespace, also as in `wrangler.toml`. */
export const WORKER_NAME = 'dockgate'
/** Id of the local KV namespace. */
export const KV_NAMESPACE_ID = 'policy'
