/**
 * The gate as one ES module for Cloudflare Workers or workerd: make it the `main` module of a Worker, without bundling it
 * again. Its bindings, variables and secrets are described in docs/deployment.md.
 *
 * It imports `cloudflare:workers`, so that only workerd runs it.
 */
declare const worker: {
  fetch(
    request: Request,
    env: Readonly<Record<string, unknown>>,
    context: { waitUntil(promise: Promise<unknown>): void },
  ): Response | Promise<Response>
}
export default worker

/** The Durable Object that keeps the state of protected repositories: the class of the binding `STATE`. */
export declare class RepositoryState {
  constructor(context: unknown, env: unknown)
}
