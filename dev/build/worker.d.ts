/**
 * The gate as one ES module for Cloudflare Workers or workerd: make it the `main` module of a Worker, without bundling it
 * again. Its bindings, variables and secrets are described in docs/deployment.md.
 */
declare const worker: {
  fetch(
    request: Request,
    env: Readonly<Record<string, unknown>>,
    context: { waitUntil(promise: Promise<unknown>): void },
  ): Response | Promise<Response>
}
export default worker
