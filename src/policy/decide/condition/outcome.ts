/**
 * What a condition may come to: a set of outcomes, because a request that names no tag leaves some comparisons open.
 * Azure documents neither missing attributes nor errors; here neither ever grants, also not behind a negation.
 */

/** A set of outcomes, as the sum of its members. */
export type Outcomes = number

/** The outcome "true", as a bit of a set of outcomes. */
export const TRUE = 1
/** The outcome "false", as a bit of a set of outcomes. */
export const FALSE = 2
/** An attribute that the condition compares is not there. */
export const MISSING = 4
/** Something that cannot be compared, or the negation of something missing. */
export const ERROR = 8
/** Undecided: either truth value, depending on a tag that the request does not name. */
export const UNKNOWN = TRUE | FALSE

/** Whether the right side of `AND` counts, given the outcomes of the left one. */
export const andNeedsRight = (left: Outcomes): boolean => (left & (TRUE | MISSING)) !== 0

/** `left AND right`, left first: FALSE and ERROR end it; MISSING stays unless the right side is FALSE or ERROR. */
export function and(left: Outcomes, right: Outcomes): Outcomes {
  let result = left & (FALSE | ERROR)
  if (left & TRUE) result |= right
  if (left & MISSING) result |= (right & (FALSE | ERROR)) | (right & (TRUE | MISSING) ? MISSING : 0)
  return result
}

/** Whether the right side of `OR` counts, given the outcomes of the left one. */
export const orNeedsRight = (left: Outcomes): boolean => (left & (FALSE | MISSING)) !== 0

/** `left OR right`, left first: TRUE and ERROR end it; MISSING stays unless the right side is TRUE or ERROR. */
export function or(left: Outcomes, right: Outcomes): Outcomes {
  let result = left & (TRUE | ERROR)
  if (left & FALSE) result |= right
  if (left & MISSING) result |= (right & (TRUE | ERROR)) | (right & (FALSE | MISSING) ? MISSING : 0)
  return result
}

/** `NOT operand`: what is missing cannot be negated. */
export function not(operand: Outcomes): Outcomes {
  return (operand & TRUE ? FALSE : 0) | (operand & FALSE ? TRUE : 0) | (operand & (MISSING | ERROR) ? ERROR : 0)
}

/**
 * Whether a grant with this condition applies: if it may be true. With `everyTag` (the request reaches every tag) only
 * if it is true for every tag.
 */
export const grants = (outcomes: Outcomes, everyTag = false): boolean =>
  everyTag ? outcomes === TRUE : (outcomes & TRUE) !== 0

/**
 * Whether a deny with this condition applies: unless it may be false. With `everyTag` unless it is false for every tag.
 * What is missing or in error denies.
 */
export const denies = (outcomes: Outcomes, everyTag = false): boolean =>
  everyTag ? outcomes !== FALSE : (outcomes & FALSE) === 0
