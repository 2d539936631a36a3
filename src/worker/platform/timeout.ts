/** Waiting that ends: what was asked for may never come, when whoever should send it is gone. */

export const LATE = Symbol('late')

/** What `promise` settles to, or {@link LATE} after `milliseconds`, which may be infinite. */
export const within = <T>(milliseconds: number, promise: Promise<T>): Promise<T | typeof LATE> =>
  milliseconds === Infinity ? promise : race(milliseconds, promise)

async function race<T>(milliseconds: number, promise: Promise<T>): Promise<T | typeof LATE> {
  const deadline = Promise.withResolvers<typeof LATE>()
  const timer = setTimeout(() => deadline.resolve(LATE), milliseconds)
  try {
    return await Promise.race([promise, deadline.promise])
  } finally {
    clearTimeout(timer)
  }
}
