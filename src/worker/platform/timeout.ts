/** Waiting that ends: what was asked for may never come, when whoever should send it is gone. */

export const TIMED_OUT = Symbol('late')

/** What `promise` settles to, or {@link TIMED_OUT} after `milliseconds`, which may be infinite. */
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
