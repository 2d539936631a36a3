declare namespace Cloudflare {
  interface Env {
    readonly POLICY: KVNamespace
    readonly STATE: DurableObjectNamespace<
      import('../../src/worker/protections/state/repository-state.ts').RepositoryState
    >
  }
}
