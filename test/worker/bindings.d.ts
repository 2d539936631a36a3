declare namespace Cloudflare {
  interface Env {
    readonly POLICY: KVNamespace
  }
}
