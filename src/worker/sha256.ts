/**
 * SHA-256 of a text, in lower-case hex. Names what must not be kept in clear. Not a promise: it stands on the way of every
 * request, where the platform's own asynchronous digest costs more than what it computes.
 */
import { hash } from 'node:crypto'

export const sha256Hex = (text: string): string => hash('sha256', text, 'hex')
