/**
 * What a bench measures: two things side by side, round by round, so that whatever else the machine does meets both. The
 * ratio is taken within each round; the spread is that of the rounds.
 */

export type Comparison = {
  /** Of which part of the bench. */
  readonly part: string
  readonly what: string
  readonly unit: string
  /** One value per round. */
  readonly ours: readonly number[]
  /** What stands next to it, and its value in each of the same rounds; one value when it is a limit. */
  readonly against: string
  readonly theirs: readonly number[]
  readonly target?: Target
  /** What else was measured, for the file of raw numbers. */
  readonly notes?: Readonly<Record<string, unknown>>
}

/** What the ratio, or our own value, has to be. */
export type Target = { readonly of: 'ratio' | 'value'; readonly atLeast?: number; readonly atMost?: number }

export type Spread = { readonly median: number; readonly low: number; readonly high: number }

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: quantile(sorted, 0.5), low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN }
}

export const median = (values: readonly number[]): number => spreadOf(values).median

/** @param sorted ascending; the mean of the two in the middle, where there are two */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const position = (sorted.length - 1) * q
  const low = sorted[Math.floor(position)] ?? Number.NaN
  const high = sorted[Math.ceil(position)] ?? Number.NaN
  return low + (high - low) * (position - Math.floor(position))
}

/** Ours over theirs, in each round. */
export const ratiosOf = ({ ours, theirs }: Comparison): readonly number[] =>
  ours.map((value, round) => value / (theirs[round] ?? theirs[0] ?? Number.NaN))

/** Whether the median holds the target; true without one. */
export function holds(comparison: Comparison): boolean {
  const { target } = comparison
  if (target === undefined) return true
  const measured = median(target.of === 'ratio' ? ratiosOf(comparison) : comparison.ours)
  return measured >= (target.atLeast ?? Number.NEGATIVE_INFINITY) && measured <= (target.atMost ?? Infinity)
}

const HEAD = ['part', 'what', 'Dockgate', 'next to it', 'ratio (lowest to highest)', 'target']

/** A Markdown table, a row for each. */
export function formatTable(comparisons: readonly Comparison[]): string {
  const rows = [HEAD, HEAD.map(() => '---'), ...comparisons.map(cells)]
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function cells(comparison: Comparison): readonly string[] {
  const { part, what, unit, ours, theirs, against } = comparison
  const { median: ratio, low, high } = spreadOf(ratiosOf(comparison))
  const spread = low === high ? '' : ` (${fraction(low)} to ${fraction(high)})`
  return [
    part,
    what,
    `${short(median(ours))} ${unit}`,
    `${against}: ${short(median(theirs))} ${unit}`,
    `${fraction(ratio)}${spread}`,
    targetText(comparison),
  ]
}

function targetText(comparison: Comparison): string {
  const { target, unit } = comparison
  if (target === undefined) return ''
  const bounds = [
    ...(target.atLeast === undefined ? [] : [`>= ${target.atLeast}`]),
    ...(target.atMost === undefined ? [] : [`<= ${target.atMost}`]),
  ]
  const text = `${bounds.join(', ')}${target.of === 'ratio' ? '' : ` ${unit}`}`
  return holds(comparison) ? `${text}: holds` : `**${text}: missed**`
}

/** What is much smaller than one reads better turned round. */
const fraction = (ratio: number): string => (ratio < 0.05 ? `1/${short(1 / ratio)}` : short(ratio))

/** Three digits that count. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en-US')
  return value.toLocaleString('en-US', { maximumFractionDigits: size >= 10 ? 1 : size >= 1 ? 2 : 3 })
}
