/** What a document shows, compared with what there is. */

const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)

/** `…` stands for any text in a line, and as a line of its own for any lines. */
export function matches(shown: readonly string[], lines: readonly string[]): boolean {
  const pattern = shown
    .map((line) => (line.trim() === '…' ? '(?:.*\n)*' : `${line.split('…').map(literal).join('.*')}\n`))
    .join('')
  return new RegExp(`^${pattern}$`).test(lines.map((line) => `${line}\n`).join(''))
}

/** A command at the beginning of a line, or after a prompt, a variable, a pipe or `npx`; not a word of a sentence. */
const USE = /^(?:\s*(?:\$ )?(?:[A-Z_]+=\S+ )*|.*[|;&(] ?)(?:npx )?dockgate ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?(.*)$/gm

/**
 * Commands and options in a block that there are not.
 *
 * @param options the long options of every command, by its name with `dockgate` before it
 */
export function unknownUses(text: string, options: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return [...text.matchAll(USE)].flatMap(([, first = '', second = '', rest = '']) => {
    const name = [`dockgate ${first} ${second}`, `dockgate ${first}`].find((candidate) => options.has(candidate))
    if (name === undefined) return [`dockgate ${first} ${second}`.trim()]
    const [own = ''] = `${name.includes(second) ? '' : second} ${rest}`.split(/ {3,}|[|;&#>`]/)
    const used = [...own.matchAll(/(?<=\s)--[a-z-]+/g)].map(([option]) => option)
    const known = [...(options.get(name) ?? []), '--help']
    return used.filter((option) => !known.includes(option)).map((option) => `${name} ${option}`)
  })
}
