/** Waiting that ends: a promise shared between requests may never settle when the request that started it is gone. */

export const LATE = Symbol('late')

/** What `promise` settles to, or {@link LATE} after `milliseconds`. */
export async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | typeof LATE> {
  const deadline = Promise.withResolvers<typeof LATE>()
  const timer = setTimeout(() => deadline.resolve(LATE), milliseconds)
  try {
    return await Promise.race([promise, deadline.promise])
  } finally {
    clearTimeout(timer)
  }
}
