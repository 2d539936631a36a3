/** Where work goes on behind the answer. */
export type Background = { waitUntil(promise: Promise<unknown>): void }
