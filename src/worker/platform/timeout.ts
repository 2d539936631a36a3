/** Timeouts for promises. On Workers a promise may never settle once the request that started it has ended. */

/** The outcome of a promise that took too long. */
export const TIMED_OUT = Symbol('late')

/** Settles as `promise` does, or with {@link TIMED_OUT} after `milliseconds`. `Infinity` means no timeout. */
export const within = <T>(milliseconds: number, promise: Promise<T>): Promise<T | typeof TIMED_OUT> =>
  milliseconds === Infinity ? promise : race(milliseconds, promise)

async function race<T>(milliseconds: number, promise: Promise<T>): Promise<T | typeof TIMED_OUT> {
  const deadline = Promise.withResolvers<typeof TIMED_OUT>()
  const timer = setTimeout(() => deadline.resolve(TIMED_OUT), milliseconds)
  try {
    return await Promise.race([promise, deadline.promise])
  } finally {
    clearTimeout(timer)
  }
}
