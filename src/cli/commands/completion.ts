/** `dockgate completion`: what the shell offers after a tab, made from the commands themselves. */
import { Argument, Command, type Option } from 'commander'
import * as output from '../terminal/output.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

const EXAMPLES = `
Examples:
  source <(dockgate completion bash)                                     in ~/.bashrc
  source <(dockgate completion zsh)                                      in ~/.zshrc, after compinit
  dockgate completion fish > ~/.config/fish/completions/dockgate.fish`

/** The command `dockgate completion` with its arguments, options and action. */
export const completionCommand = (): Command =>
  new Command('completion')
    .description('print a script that completes commands and options')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action(async (shell: Shell) => {
      const { program } = await import('../program.ts')
      output.file(`${SCRIPTS[shell](levelsOf(await program(), []))}\n`)
    })

type Offer = { readonly word: string; readonly description: string }
/** What can follow a chain of subcommands. */
type Level = {
  /** The subcommands so far, without the program's name. */
  readonly path: readonly string[]
  readonly commands: readonly Offer[]
  readonly options: readonly (Offer & { readonly takesValue: boolean; readonly choices: readonly string[] })[]
  /** The words that its first argument may be, where they are known. */
  readonly choices: readonly string[]
}

function levelsOf(command: Command, path: readonly string[]): readonly Level[] {
  const help = { word: '--help', description: 'display help', takesValue: false, choices: [] }
  const level: Level = {
    path,
    commands: command.commands.map((child) => ({ word: child.name(), description: child.description() })),
    options: [...command.options.filter(({ hidden }) => !hidden).flatMap(offersOf), help],
    choices: command.registeredArguments[0]?.argChoices ?? [],
  }
  return [level, ...command.commands.flatMap((child) => levelsOf(child, [...path, child.name()]))]
}

const offersOf = (option: Option): Level['options'] =>
  [option.long, option.short].flatMap((word) =>
    word === undefined || word === null
      ? []
      : [
          {
            word,
            description: option.description,
            takesValue: option.required || option.optional,
            choices: option.argChoices ?? [],
          },
        ],
  )

/** One word in single quotes, as each of the shells reads it. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
const words = (list: readonly string[]): string => quote(list.join(' '))
const valued = (level: Level): string =>
  level.options.flatMap(({ takesValue, word }) => (takesValue ? [word] : [])).join('|')

/** The words before the cursor lead to a level; options with a value swallow the next one. */
function bash(levels: readonly Level[]): string {
  const cases = levels.map(({ path, commands, options, choices }) => {
    const offers = [...commands.map(({ word }) => word), ...choices]
    return `    ${quote(path.join(' '))}) subs=${words(offers)} flags=${words(options.map(({ word }) => word))} ;;`
  })
  const values = levels.flatMap((level) =>
    level.options
      .filter(({ choices }) => choices.length > 0)
      .map(({ word, choices }) => `    ${quote([...level.path, word].join(' '))}) subs=${words(choices)} ;;`),
  )
  const paths = levels.filter(({ path }) => path.length > 0).map(({ path }) => quote(path.join(' ')))
  const swallowing = [...new Set(levels.map(valued).filter((list) => list !== ''))].join('|')
  return `# bash completion for dockgate
_dockgate() {
  local current=\${COMP_WORDS[COMP_CWORD]} chain='' pending='' subs='' flags='' token at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    token=\${COMP_WORDS[at]}
    if [[ -n $pending ]]; then pending=''; continue; fi
    case $token in
      ${swallowing}) pending=$token; continue ;;
      -*) continue ;;
    esac
    case "\${chain:+$chain }$token" in
      ${paths.join('|')}) chain="\${chain:+$chain }$token" ;;
    esac
  done
  if [[ -n $pending ]]; then
    case "\${chain:+$chain }$pending" in
${values.join('\n')}
    *) COMPREPLY=($(compgen -f -- "$current")); return ;;
    esac
  else
    case $chain in
${cases.join('\n')}
    esac
    if [[ $current == -* ]]; then subs=$flags; fi
  fi
  COMPREPLY=($(compgen -W "$subs" -- "$current"))
  if [[ \${#COMPREPLY[@]} -eq 0 && $current != -* ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _dockgate dockgate`
}

/** zsh reads the script of bash, with its own builtin for the words. */
const zsh = (levels: readonly Level[]): string =>
  `#compdef dockgate
autoload -U +X bashcompinit && bashcompinit
${bash(levels)}`

function fish(levels: readonly Level[]): string {
  const lines = levels.flatMap(({ path, commands, options, choices }) => {
    const children = commands.map(({ word }) => word)
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`)
    const unseen = children.length === 0 ? [] : [`not __fish_seen_subcommand_from ${children.join(' ')}`]
    const when = quote([...(path.length === 0 ? [] : seen), ...unseen].join('; and ') || 'true')
    return [
      ...commands.map(
        ({ word, description }) => `complete -c dockgate -f -n ${when} -a ${word} -d ${quote(description)}`,
      ),
      ...(choices.length === 0 ? [] : [`complete -c dockgate -f -n ${when} -a ${words(choices)}`]),
      ...options.map(({ word, description, takesValue, choices: values }) => {
        const name = word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`
        const value = values.length > 0 ? ` -x -a ${words(values)}` : takesValue ? ' -r' : ''
        return `complete -c dockgate -n ${when} ${name}${value} -d ${quote(description)}`
      }),
    ]
  })
  return ['# fish completion for dockgate', ...lines].join('\n')
}

const SCRIPTS: Readonly<Record<Shell, (levels: readonly Level[]) => string>> = { bash, zsh, fish }
