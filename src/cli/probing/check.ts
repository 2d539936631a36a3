/** A probe: it counts the questions that it sends, and collects what is wrong with their answers. */

import type { Repository } from './routes.ts'
import { type Answer, ask, type Question } from './wire.ts'

/** One answer that was not as it should be. Never holds a credential. */
export type Finding = {
  readonly check: string
  /** Method and target. */
  readonly request: string
  /** What the request carried. */
  readonly credential: string
  readonly status: number
  readonly problem: string
}

/** A credential that a check sends, and its name in messages. */
export type Credential = { readonly what: string; readonly header?: string }

/** A request without an `Authorization` header. */
export const NO_CREDENTIAL: Credential = { what: 'no credential' }

/** What is known of the gate before and during a probe. */
export type Target = {
  readonly gate: URL
  readonly upstream?: URL
  readonly repositories: readonly [Repository, ...Repository[]]
  /** A credential that has no right on the repositories. */
  readonly weak?: Credential
  /** Seconds since the epoch. */
  readonly now: number
}

/** What is wrong with an answer; undefined if nothing is. */
export type FindProblem = (answer: Answer) => string | undefined

/** Requests under way at once. */
const CONCURRENCY = 8

/** Sends the requests of checks to one gate and collects what is wrong. */
export class Probe {
  readonly target: Target
  readonly findings: Finding[] = []
  requests = 0

  constructor(target: Target) {
    this.target = target
  }

  /** Rejects when the gate does not answer at all. */
  ask(question: Question, { header }: Credential = NO_CREDENTIAL): Promise<Answer> {
    this.requests++
    const headers = { ...question.headers, ...(header === undefined ? {} : { authorization: header }) }
    return ask(this.target.gate, { ...question, headers })
  }

  /** Ask each question with a credential, and note every answer that `findProblem` finds wrong. */
  async expect(
    check: string,
    questions: readonly Question[],
    credential: Credential,
    findProblem: FindProblem,
  ): Promise<void> {
    const waiting = [...questions]
    const work = async (): Promise<void> => {
      for (let question = waiting.shift(); question !== undefined; question = waiting.shift()) {
        const answer = await this.ask(question, credential)
        this.note(check, question, credential, answer, findProblem(answer))
      }
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, work))
  }

  note(check: string, question: Question, credential: Credential, answer: Answer, problem: string | undefined): void {
    if (problem === undefined) return
    const request = `${question.method} ${question.target}`
    this.findings.push({ check, request, credential: credential.what, status: answer.status, problem })
  }
}
