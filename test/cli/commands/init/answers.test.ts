/** The questions of `dockgate init`, and what is said to an answer that cannot be used. */
import { describe, expect, it } from 'vitest'
import { type Flags, readAnswers } from '../../../../src/cli/commands/init/answers.ts'

/** Gives one answer after the other; none is left: the person is gone. */
async function talk(answers: readonly string[], flags: Flags = {}) {
  const left = [...answers]
  const asked: string[] = []
  const told: string[] = []
  const terminal = {
    question: async (text: string) => {
      asked.push(text)
      const answer = left.shift()
      if (answer === undefined) throw Object.assign(new Error('aborted'), { name: 'AbortError' })
      return answer
    },
    tell: (text: string) => void told.push(text),
    close: () => {},
  }
  const result = await readAnswers(flags, () => terminal)
  return { result, asked, told }
}

describe('the questions of init', () => {
  it('are four for tokens', async () => {
    const { result, asked, told } = await talk(['https://r.example.org', 'gate.example.org', '', ''])
    expect(asked).toEqual([
      'Which registry is behind the gate, as in https://registry.internal.example? ',
      'Which host name will the gate have, as in registry.example.com? ',
      'How do callers say who they are: tokens, github, gitlab, or the URL of an OIDC issuer? [tokens] ',
      'Which repositories may be pushed to? [samples/*] ',
    ])
    expect(told).toEqual([])
    expect(result).toEqual({
      upstream: 'https://r.example.org',
      host: 'gate.example.org',
      callers: 'tokens',
      push: 'samples/*',
      pusher: '',
    })
  })

  it('are five for an issuer', async () => {
    const { result, asked } = await talk(['https://ghcr.io', 'gate.example.org', 'github', 'web/*', 'acme/web'])
    expect(asked.at(-1)).toBe('Who may push there, as in acme/app? ')
    expect(result).toMatchObject({ upstream: 'https://ghcr.io', push: 'web/*', pusher: 'acme/web' })
  })

  it('are only what no option says', async () => {
    const { asked } = await talk([''], {
      upstream: 'https://ghcr.io',
      host: 'gate.example.org',
      push: '*',
    })
    expect(asked).toEqual([expect.stringMatching(/^How do callers/)])
  })

  it('are asked again until the answer can be used, in words that are no options', async () => {
    const answers = [
      ...['', 'ghcr.io', 'https://ghcr.io', '', 'https://gate', 'gate.example.org', 'bitbucket', 'github'],
      ...['Web/*', 'web/*', '', 'acme/*', 'acme', 'acme/web'],
    ]
    const { result, told } = await talk(answers)
    expect(told).toEqual([
      '  "" is not a URL of a registry: write https://host, without /v2; its credentials are secrets of the Worker',
      '  "ghcr.io" is not a URL of a registry: write https://host, without /v2; its credentials are secrets of the Worker',
      '  "" is not a host name: write it in lower case, without https://, as in registry.example.com',
      '  "https://gate" is not a host name: write it in lower case, without https://, as in registry.example.com',
      '  "bitbucket" is not an issuer: write tokens, github, gitlab or an https URL',
      '  "Web/*" is not a repository pattern: repositories are lower-case: write web/*',
      '  it takes a name to say who may push: write it in full, as in acme/app, without spaces and *',
      '  "acme/*" is not a subject: write it in full, as in acme/app, without spaces and *',
      '  no token of github is of "acme": write the owner and the repository or project, as in acme/app',
    ])
    expect(told.join()).not.toContain('--')
    expect(result).toMatchObject({ push: 'web/*', pusher: 'acme/web' })
  })

  it('need not be answered', async () => {
    await expect(talk([''])).rejects.toMatchObject({
      status: 1,
      message: expect.stringContaining('nothing is written'),
    })
  })

  it('are not asked with --yes, nor where nobody is', async () => {
    const asking = () => expect.unreachable()
    const given = { upstream: 'https://ghcr.io', host: 'gate.example.org' }
    await expect(readAnswers({ ...given, yes: true }, asking)).resolves.toMatchObject({ callers: 'tokens' })
  })

  it.each([
    { flags: {}, message: 'the registry behind the gate is not given', hint: 'add --upstream https://HOST' },
    {
      flags: { upstream: 'https://ghcr.io' },
      message: 'the host name of the gate is not given',
      hint: 'add --host HOST: the name that clients log in to',
    },
    {
      flags: { upstream: 'https://ghcr.io', host: 'gate.example.org', issuer: 'github' },
      message: 'it takes a name to say who may push',
      hint: 'add --pusher acme/app',
    },
  ])('must be answered by options where nobody is: $message', async ({ flags, message, hint }) => {
    await expect(readAnswers(flags, () => undefined)).rejects.toMatchObject({ status: 2, message, hint })
  })
})
