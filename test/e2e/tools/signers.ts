/**
 * How cosign and notation sign and verify an image over plain http on loopback, with a key of the session's own and no
 * transparency log. Signatures are given to the registry as referrers of the image, or under a tag made of its digest.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Session } from './clients.ts'
import type { Outcome } from './process.ts'

/** A program that signs. References are `host:port/name@digest`. */
export interface Signer {
  readonly signer: string
  /** Make the session's signing key, and trust it. */
  prepare(session: Session): Promise<Outcome>
  sign(session: Session, reference: string): Promise<Outcome>
  verify(session: Session, reference: string): Promise<Outcome>
}

function cosign(signer: string, format: '--new-bundle-format=true' | '--new-bundle-format=false'): Signer {
  const run = (session: Session, args: readonly string[]) =>
    session.run('cosign', args, { cwd: session.home, env: { COSIGN_PASSWORD: 'correct horse' } })
  return {
    signer,
    prepare: (session) => run(session, ['generate-key-pair']),
    sign: (session, reference) =>
      run(session, [
        ...['sign', '--yes', '--key', 'cosign.key', '--allow-http-registry', format],
        ...['--use-signing-config=false', '--tlog-upload=false', reference],
      ]),
    verify: (session, reference) =>
      run(session, [
        'verify',
        '--key',
        'cosign.pub',
        '--allow-http-registry',
        format,
        '--insecure-ignore-tlog',
        reference,
      ]),
  }
}

/** Signatures as referrers: an artifact with a subject, or its referrers tag where the registry knows no subjects. */
export const cosignReferrers = cosign('cosign, referrers', '--new-bundle-format=true')

/** Signatures under the tag `sha256-….sig`, as cosign wrote them before version 3. */
export const cosignTags = cosign('cosign, signature tags', '--new-bundle-format=false')

const NOTATION_KEY = 'dockgate.example'

/** notation's `login` needs a credential helper; it finds what another client of the session stored at its login. */
export const notation: Signer = {
  signer: 'notation',
  prepare: async (session) => {
    const generated = await session.run('notation', ['cert', 'generate-test', '--default', NOTATION_KEY])
    if (generated.status !== 0) return generated
    const policy = {
      name: 'all',
      registryScopes: ['*'],
      signatureVerification: { level: 'strict' },
      trustStores: [`ca:${NOTATION_KEY}`],
      trustedIdentities: ['*'],
    }
    const policyFile = join(session.home, 'trust-policy.json')
    writeFileSync(policyFile, JSON.stringify({ version: '1.0', trustPolicies: [policy] }))
    return session.run('notation', ['policy', 'import', policyFile])
  },
  sign: (session, reference) => session.run('notation', ['sign', '--insecure-registry', reference]),
  verify: (session, reference) => session.run('notation', ['verify', '--insecure-registry', reference]),
}

/** For `describe.each`. */
export const signers: readonly Signer[] = [cosignReferrers, cosignTags, notation]
