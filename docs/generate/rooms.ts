/**
 * The rooms of the source tree: what each folder is for, and which other rooms its files may import.
 * test/architecture.test.ts holds the imports to this table; docs/architecture.md and its pictures are made from it.
 */

export type Room = {
  /** The folder, relative to the project's root. Subfolders belong to it unless they are rooms themselves. */
  readonly path: string
  /** One line for the page. */
  readonly purpose: string
  /** Paths of the rooms that it may import, for values and for types. */
  readonly imports: readonly string[]
}

const LANGUAGE = ['src/base']
const VOCABULARY = [...LANGUAGE, 'src/registry', 'src/policy']
const KERNEL = [...VOCABULARY, 'src/policy/decide']
const WHOLE_POLICY = [
  ...KERNEL,
  'src/policy/azure',
  'src/policy/condition',
  'src/policy/compile',
  'src/policy/analysis',
]
const PURE = [...WHOLE_POLICY, 'src/identity']
const WORKER_GROUND = [...KERNEL, 'src/identity', 'src/bundle', 'src/worker/platform']
const COMMAND_GROUND = [...PURE, 'src/bundle', 'src/files', 'src/cli/terminal']

/** In the order in which a reader meets them: pure rooms first, then the Worker, then the command line. */
export const ROOMS: readonly Room[] = [
  {
    path: 'src/base',
    purpose: 'what belongs to the language: results, JSON guards, time, text, bytes',
    imports: [],
  },
  {
    path: 'src/registry',
    purpose: 'request grammar, required permissions, scopes, challenges, wire errors',
    imports: LANGUAGE,
  },
  {
    path: 'src/policy',
    purpose: 'the vocabulary of the permission model: principals, patterns, conditions as data',
    imports: [...LANGUAGE, 'src/registry'],
  },
  {
    path: 'src/policy/decide',
    purpose: 'the security kernel: all policy code that the Worker runs',
    imports: VOCABULARY,
  },
  {
    path: 'src/policy/azure',
    purpose: "Azure's built-in roles, system scope maps and the two permission modes",
    imports: VOCABULARY,
  },
  {
    path: 'src/policy/condition',
    purpose: 'the text of conditions: lexer, parser, checks, formatter',
    imports: KERNEL,
  },
  {
    path: 'src/policy/compile',
    purpose: 'from the model to the compiled policy',
    imports: [...KERNEL, 'src/policy/azure'],
  },
  {
    path: 'src/policy/analysis',
    purpose: 'explain, who-can, difference, nearest grant, smallest change',
    imports: [...KERNEL, 'src/policy/azure', 'src/policy/condition', 'src/policy/compile'],
  },
  {
    path: 'src/identity',
    purpose: 'credentials and claims to principals, token claims',
    imports: [...KERNEL, 'src/policy/analysis'],
  },
  {
    path: 'src/bundle',
    purpose: 'policy at rest: shards, manifest, signature, verification',
    imports: KERNEL,
  },
  {
    path: 'src/files',
    purpose: 'reader of policy files, with the place of every error',
    imports: [...VOCABULARY, 'src/policy/azure', 'src/policy/condition'],
  },
  {
    path: 'src/importers',
    purpose: 'rules of Azure, docker_auth and zot as policy files',
    imports: [...WHOLE_POLICY, 'src/files'],
  },
  { path: 'src/lint', purpose: 'what is valid but probably not meant', imports: [...PURE, 'src/files'] },
  {
    path: 'src/worker/platform',
    purpose: 'bindings, settings, faults, time-outs, caches, sealing',
    imports: [...VOCABULARY, 'src/bundle', 'src/worker/protections/state'],
  },
  {
    path: 'src/worker/protections/state',
    purpose: 'the Durable Object of a repository: what protections must remember',
    imports: LANGUAGE,
  },
  {
    path: 'src/worker/store',
    purpose: 'the policy in force: reads, verifies and refreshes bundles',
    imports: WORKER_GROUND,
  },
  {
    path: 'src/worker/identity',
    purpose: 'who calls: passwords, JWTs of issuers, minted tokens',
    imports: [...WORKER_GROUND, 'src/worker/store'],
  },
  {
    path: 'src/worker/answers',
    purpose: 'refusals on the wire, response headers, the audit record',
    // Analysis never decides: it words the refusal of a condition on tags.
    imports: [...WORKER_GROUND, 'src/policy/analysis', 'src/worker/identity'],
  },
  {
    path: 'src/worker/upstream',
    purpose: 'requests to the registry, and the credential for them',
    imports: [...WORKER_GROUND, 'src/worker/answers'],
  },
  {
    path: 'src/worker/policy-store',
    purpose: 'bundles in an artifact of a registry, in place of Workers KV',
    imports: [...WORKER_GROUND, 'src/worker/upstream'],
  },
  {
    path: 'src/worker/hosts',
    purpose: 'chooses registry and policy by host name',
    imports: [...WORKER_GROUND, 'src/worker/upstream'],
  },
  {
    path: 'src/worker/forward',
    purpose: 'forwards what policy allows: bodies, lists, uploads, responses',
    imports: [...WORKER_GROUND, 'src/worker/identity', 'src/worker/answers', 'src/worker/upstream'],
  },
  {
    path: 'src/worker/protections',
    purpose: 'holds changes of content to the protections of a policy',
    imports: [
      ...WORKER_GROUND,
      'src/worker/protections/state',
      'src/worker/answers',
      'src/worker/upstream',
      'src/worker/forward',
    ],
  },
  {
    path: 'src/worker/metadata',
    purpose: "Azure's metadata API, answered by the gate: attributes, locks, quarantine states",
    imports: [
      ...WORKER_GROUND,
      'src/worker/protections',
      'src/worker/protections/state',
      'src/worker/answers',
      'src/worker/upstream',
      'src/worker/forward',
    ],
  },
  {
    path: 'src/worker/token-service',
    purpose: 'the Docker and OAuth 2 token endpoints',
    imports: [...WORKER_GROUND, 'src/worker/store', 'src/worker/identity', 'src/worker/answers'],
  },
  {
    path: 'src/worker',
    purpose: 'the shell: the Hono app, the way of a request, health',
    imports: [
      ...WORKER_GROUND,
      'src/policy/analysis',
      'src/worker/store',
      'src/worker/identity',
      'src/worker/answers',
      'src/worker/upstream',
      'src/worker/hosts',
      'src/worker/forward',
      'src/worker/protections',
      'src/worker/metadata',
      'src/worker/policy-store',
      'src/worker/protections/state',
      'src/worker/token-service',
    ],
  },
  { path: 'dev/registry', purpose: 'the development registry of `dockgate dev`', imports: LANGUAGE },
  { path: 'dev/build', purpose: 'compiles the command, the Worker and the package', imports: ['src/cli/terminal'] },
  { path: 'src/engine', purpose: 'the public API of the package', imports: [...PURE, 'src/files'] },
  { path: 'src', purpose: 'index.ts: what the package exports', imports: [...PURE, 'src/files', 'src/engine'] },
  { path: 'src/cli/json', purpose: 'the shapes of `--json`, with their JSON Schemas', imports: ['src/files'] },
  {
    path: 'src/cli/terminal',
    purpose: 'the one place that writes to the terminal; errors of commands',
    imports: [...LANGUAGE, 'src/cli/json'],
  },
  {
    path: 'src/cli/project',
    purpose: 'the deployment project: its settings and files',
    imports: COMMAND_GROUND,
  },
  {
    path: 'src/cli/probing',
    purpose: 'the checks of `dockgate probe`',
    imports: COMMAND_GROUND,
  },
  {
    path: 'src/cli/records',
    purpose: 'audit records out of logs, and what they say together',
    imports: [...COMMAND_GROUND, 'src/cli/answers'],
  },
  {
    path: 'src/cli/gates',
    purpose: 'calls of a gate that runs, with a credential',
    imports: [...COMMAND_GROUND, 'src/cli/probing'],
  },
  {
    path: 'src/cli/answers',
    purpose: 'questions and answers that several commands share',
    imports: [...COMMAND_GROUND, 'src/cli/json'],
  },
  {
    path: 'src/cli/bundles',
    purpose: 'bundles in stores: build, publish, history, status',
    // An artifact is a registry like that behind a gate, and takes the same ways of signing in.
    imports: [...COMMAND_GROUND, 'src/cli/json', 'src/cli/answers', 'src/worker/upstream'],
  },
  {
    path: 'src/cli/keys',
    purpose: 'key files and generated passwords',
    imports: [...COMMAND_GROUND, 'src/cli/bundles'],
  },
  {
    path: 'src/cli/commands',
    purpose: 'the subcommands, one file or folder each',
    imports: [
      ...COMMAND_GROUND,
      'src/lint',
      'src/importers',
      'src/cli/answers',
      'src/cli/bundles',
      'src/cli/keys',
      'src/cli/json',
      'src/cli/project',
      'src/cli/probing',
      'src/cli/gates',
      'src/cli/records',
      'dev/registry',
      'dev/build',
    ],
  },
  {
    path: 'src/cli',
    purpose: 'the `dockgate` command as a tree of subcommands',
    imports: [...COMMAND_GROUND, 'src/cli/commands', 'src/cli/answers', 'src/cli/bundles', 'src/cli/keys', 'dev/build'],
  },
]

/** The room that a file belongs to: the one with the longest path that contains it. */
export function roomOf(file: string): Room | undefined {
  return ROOMS.filter(({ path }) => file.startsWith(`${path}/`)).sort((a, b) => b.path.length - a.path.length)[0]
}
