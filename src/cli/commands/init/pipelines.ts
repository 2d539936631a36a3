/** The pipelines that `dockgate init --ci` writes, as texts: rights are tested on a change request and applied on main. */

/** CI systems for which `dockgate init` writes a pipeline. */
export const SYSTEMS = ['github', 'gitlab'] as const
/** One of {@link SYSTEMS}. */
export type System = (typeof SYSTEMS)[number]

/** A pipeline: the file, relative to the project, and its text. */
export type Pipeline = { readonly file: string; readonly text: string }

/** The scripts that both pipelines run are part of the package. */
const ACTION = 'node_modules/dockgate/.github/actions/policy'

/** @param host host name of the gate */
export const pipelineOf = (system: System, host: string): Pipeline =>
  system === 'github'
    ? { file: '.github/workflows/policy.yml', text: github(host) }
    : { file: '.gitlab-ci.yml', text: gitlab(host) }

const github = (
  host: string,
): string => `# A pull request shows which rights it changes; on main they are put into force.
# Secrets of the repository: DOCKGATE_SIGNING_KEY (the text of keys/policy-signing-key.json), CLOUDFLARE_API_TOKEN (may write
# to the KV namespace of the gate) and CLOUDFLARE_ACCOUNT_ID.
name: policy
on:
  pull_request:
  push:
    branches: [main]
permissions:
  contents: read
jobs:
  test:
    if: github.event_name == 'pull_request'
    runs-on: ubuntu-latest
    permissions:
      contents: read
      pull-requests: write
    steps:
      - uses: actions/checkout@v5
        with: { fetch-depth: 0, persist-credentials: false }
      - uses: actions/setup-node@v5
        with: { node-version: 24 }
      - run: npm ci --ignore-scripts
      - uses: ./${ACTION}
        with: { verb: test }
  apply:
    if: github.event_name == 'push'
    runs-on: ubuntu-latest
    concurrency: policy
    steps:
      - uses: actions/checkout@v5
        with: { persist-credentials: false }
      - uses: actions/setup-node@v5
        with: { node-version: 24 }
      - run: npm ci --ignore-scripts
      - uses: ./${ACTION}
        with:
          verb: apply
          url: https://${host}
        env:
          DOCKGATE_SIGNING_KEY: \${{ secrets.DOCKGATE_SIGNING_KEY }}
          CLOUDFLARE_API_TOKEN: \${{ secrets.CLOUDFLARE_API_TOKEN }}
          CLOUDFLARE_ACCOUNT_ID: \${{ secrets.CLOUDFLARE_ACCOUNT_ID }}
`

const gitlab = (
  host: string,
): string => `# A merge request shows which rights it changes; on main they are put into force.
# Variables of the project, masked and protected: DOCKGATE_SIGNING_KEY (the text of keys/policy-signing-key.json),
# CLOUDFLARE_API_TOKEN (may write to the KV namespace of the gate) and CLOUDFLARE_ACCOUNT_ID.
default:
  image: node:24
  before_script:
    - npm ci --ignore-scripts

policy-test:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  variables:
    GIT_DEPTH: 0
    BASE: $CI_MERGE_REQUEST_DIFF_BASE_SHA
    SUMMARY: policy-summary.md
  script:
    - sh ${ACTION}/test.sh
  artifacts:
    when: always
    expose_as: rights that change
    paths: [policy-summary.md]

policy-apply:
  rules:
    - if: $CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  resource_group: policy
  variables:
    URL: https://${host}
    SUMMARY: policy-summary.md
  script:
    - sh ${ACTION}/apply.sh
`
