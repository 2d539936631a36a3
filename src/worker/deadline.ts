/** Waiting that ends: what was asked for may never come, when whoever should send it is gone. */

export const LATE = Symbol('late')

/** What `promise` settles to, or {@link LATE} after `milliseconds`, which may be infinite. */
export async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | typeof LATE> {
  if (milliseconds === Infinity) return promise
  const deadline = Promise.withResolvers<typeof LATE>()
  const timer = setTimeout(() => deadline.resolve(LATE), milliseconds)
  try {
    return await Promise.race([promise, deadline.promise])
  } finally {
    clearTimeout(timer)
  }
}
