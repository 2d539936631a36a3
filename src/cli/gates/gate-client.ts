/** Calls of a gate that runs, with a credential: what `dockgate protections` and `dockgate quarantine` ask and change. */
import type { Command } from 'commander'
import { isRecord } from '../../base/json.ts'
import { nextTarget } from '../../registry/link.ts'
import { originOf } from '../probing/run.ts'
import { CommandError } from '../terminal/command-error.ts'

/** The options of a command that calls a gate. */
export type GateOptions = { readonly url: string; readonly token?: string }

/** The environment variable that holds the credential: NAME:SECRET, or a token of an issuer. */
const CREDENTIAL_VARIABLE = 'DOCKGATE_TOKEN'

const TIMEOUT_MS = 60_000
/** Pages of one list, so that a list without an end ends. */
const PAGES_MAX = 10_000

/** Adds `--url` and `--token`. */
export const addGateOptions = (command: Command): Command =>
  command
    .requiredOption('--url <url>', 'address of the gate')
    .option('--token <credential>', `NAME:SECRET, or a token of an issuer (default: ${CREDENTIAL_VARIABLE})`)

/** A gate, and the credential for it. */
export class GateClient {
  readonly #origin: URL
  readonly #authorization: string

  /** @throws {@link CommandError} 2 for an address that is not one, or without a credential */
  constructor({ url, token = process.env[CREDENTIAL_VARIABLE] }: GateOptions) {
    this.#origin = originOf(url, '--url')
    if (token === undefined || token === '') {
      throw new CommandError(2, 'there is no credential for the gate', {
        hint: `set ${CREDENTIAL_VARIABLE} to NAME:SECRET, or to a token of an issuer`,
      })
    }
    const isPassword = token.includes(':')
    this.#authorization = isPassword ? `Basic ${Buffer.from(token).toString('base64')}` : `Bearer ${token}`
  }

  /**
   * The JSON object that a call answers with.
   *
   * @param accepts statuses of refusals for which the answer is undefined
   * @throws {@link CommandError} 1 for a refusal; 3 if the gate does not answer, or with something else
   */
  async call(
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    { body, accepts = [] }: { readonly body?: unknown; readonly accepts?: readonly number[] } = {},
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    return (await this.#page(method, path, body, accepts))?.value
  }

  /** The entries of every page of a list. @param accepts as in {@link call}: for these the list is undefined */
  async list(path: string, key: string, accepts: readonly number[] = []): Promise<readonly unknown[] | undefined> {
    const entries: unknown[] = []
    let next: string | undefined = path
    // A gate names the next page by its path. The credential goes to no other host.
    for (let pages = 0; next !== undefined && pages < PAGES_MAX; pages++) {
      const page = await this.#page('GET', next, undefined, accepts)
      if (page === undefined) return undefined
      const part = page.value[key]
      if (Array.isArray(part)) entries.push(...part)
      next = page.next
    }
    return entries
  }

  /** The repositories of the catalog, as far as the credential may see it. */
  async repositories(): Promise<readonly string[]> {
    const names = await this.list('/v2/_catalog', 'repositories')
    return (names ?? []).filter((name) => typeof name === 'string')
  }

  async #page(
    method: string,
    path: string,
    body: unknown,
    accepts: readonly number[],
  ): Promise<{ readonly value: Readonly<Record<string, unknown>>; readonly next?: string } | undefined> {
    const response = await this.#send(method, path, body)
    const text = await response.text()
    const value = parsed(text)
    if (response.ok && isRecord(value)) {
      const next = nextTarget(response.headers.get('link'))
      const isOwn = next.ok && next.value?.startsWith('/') === true && !next.value.startsWith('//')
      return { value, ...(isOwn ? { next: next.value } : {}) }
    }
    if (accepts.includes(response.status)) return undefined
    if (response.ok) {
      throw new CommandError(
        3,
        `${this.#origin.origin} gave an answer to ${method} ${path} that is not a JSON object`,
        {
          hint: 'is it a gate, of this version?',
        },
      )
    }
    throw new CommandError(1, `the gate refuses ${method} ${path} with ${response.status}: ${messageOf(value)}`, {
      hint: 'docs/operations.md explains each refusal; `dockgate explain` says which right is missing',
    })
  }

  async #send(method: string, path: string, body: unknown): Promise<Response> {
    try {
      return await fetch(new URL(path, this.#origin), {
        method,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: { authorization: this.#authorization, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (cause) {
      throw new CommandError(3, `${this.#origin.origin} does not answer`, {
        hint: 'give the address of a gate that runs, e.g. --url https://registry.example.com',
        cause,
      })
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The message of the first error of an answer (OCI distribution-spec, "Error Codes"). */
function messageOf(value: unknown): string {
  const [first]: unknown[] = isRecord(value) && Array.isArray(value.errors) ? value.errors : []
  return isRecord(first) && typeof first.message === 'string' ? first.message : 'no reason is given'
}
