/**
 * What an isolate has counted since it began: for `/metrics` of `dockgate serve`, which is one isolate. Labels are words of the
 * gate alone, never a principal or a repository, so that their number is bounded.
 *
 * Source: Prometheus, "Exposition formats" (text format), "Metric and label naming".
 */

/** Upper bounds of the buckets of a histogram, in seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const

/** How long something took, in buckets. */
class Histogram {
  readonly #counts: number[] = Array.from({ length: BOUNDS.length + 1 }, () => 0)
  #sum = 0

  /** @param seconds that it took */
  observe(seconds: number): void {
    this.#sum += seconds
    const bucket = BOUNDS.findIndex((bound) => seconds <= bound)
    const index = bucket < 0 ? BOUNDS.length : bucket
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
  }

  /** Forgets what was observed. */
  clear(): void {
    this.#counts.fill(0)
    this.#sum = 0
  }

  /** Its samples in the text format. */
  lines(name: string): readonly string[] {
    let total = 0
    const buckets = this.#counts.map((count, index) => {
      total += count
      return `${name}_bucket{le="${BOUNDS[index] ?? '+Inf'}"} ${total}`
    })
    return [...buckets, `${name}_sum ${this.#sum}`, `${name}_count ${total}`]
  }
}

/** Requests by operation, decision and reason. */
const requests = new Map<string, number>()
/** How long the answers to requests took. */
export const requestSeconds = new Histogram()
/** How long the registry took to begin its answers. */
export const upstreamSeconds = new Histogram()
/** When the keys of each issuer were last read, in seconds since the epoch. */
export const issuerKeysReadAt = new Map<string, number>()

/** Counts a request by its audit record. */
export function countRequest(record: {
  readonly operation?: string | undefined
  readonly decision: string
  readonly reason?: string | undefined
  readonly ms: number
}): void {
  const { operation = 'none', decision, reason = '', ms } = record
  const labels = `operation="${operation}",decision="${decision}",reason="${reason}"`
  requests.set(labels, (requests.get(labels) ?? 0) + 1)
  requestSeconds.observe(ms / 1000)
}

/** The samples of {@link countRequest}. */
export const requestLines = (): readonly string[] =>
  Array.from(requests, ([labels, count]) => `dockgate_requests_total{${labels}} ${count}`)
