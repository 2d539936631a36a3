/** What an importer has to say of its input, by the line that it is about. Never thrown. */
import type { Source } from '../policy/model.ts'

/** What an import could not carry over, or changed, with its place. */
export type Finding = {
  /**
   * `lost`: a rule that the imported policy does not have, or not whole: it gives less than the original did. `wider`: it
   * gives more. `note`: something to do or to know; the decisions are the same.
   */
  readonly severity: 'lost' | 'wider' | 'note'
  readonly source: Source
  readonly message: string
  readonly hint?: string
}

/** An imported policy: the text of one policy file, and what is to be said of it. */
export type Imported = { readonly text: string; readonly findings: readonly Finding[] }

/** Findings in the order of the file, each said once. */
export class Findings {
  readonly #findings = new Map<string, Finding>()

  lost(source: Source, message: string, hint?: string): void {
    this.#add({ severity: 'lost', source, message, ...(hint === undefined ? {} : { hint }) })
  }

  wider(source: Source, message: string, hint?: string): void {
    this.#add({ severity: 'wider', source, message, ...(hint === undefined ? {} : { hint }) })
  }

  note(source: Source, message: string, hint?: string): void {
    this.#add({ severity: 'note', source, message, ...(hint === undefined ? {} : { hint }) })
  }

  get all(): readonly Finding[] {
    return [...this.#findings.values()].toSorted(
      (a, b) => a.source.line - b.source.line || a.source.column - b.source.column,
    )
  }

  #add(finding: Finding): void {
    const { file, line } = finding.source
    this.#findings.set(`${file}:${line} ${finding.message}`, finding)
  }
}
