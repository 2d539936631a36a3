/**
 * One task at a time per key, in the order of arrival, inside this process: the writes of one repository, the chunks of
 * one upload. It never times out, so a task must end by itself.
 */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Run `task` after every earlier task of `key`, whether those failed or not. */
  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const turn = (this.#tails.get(key) ?? Promise.resolve()).then(task, task)
    this.#tails.set(key, turn)
    try {
      return await turn
    } finally {
      if (this.#tails.get(key) === turn) this.#tails.delete(key)
    }
  }
}
