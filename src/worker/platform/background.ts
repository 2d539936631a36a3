/** The part of `ExecutionContext` that lets work continue after the response. */
export type Background = { waitUntil(promise: Promise<unknown>): void }
