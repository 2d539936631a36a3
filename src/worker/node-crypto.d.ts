/** As much of Node's `crypto` as the Worker uses; the platform has it by the flag `nodejs_compat`. */
declare module 'node:crypto' {
  export function hash(algorithm: 'sha256', data: string, encoding: 'hex'): string
}
