import type { TestProject } from 'vitest/node'
import { allTexts, type Text } from './texts.ts'

declare module 'vitest' {
  interface ProvidedContext {
    texts: readonly Text[]
  }
}

export default function setup(project: TestProject): void {
  project.provide('texts', allTexts())
}
