/**
 * The audit record of the gate, version 2, key by key: for programs that read the log. A test compares it with what gates write.
 * A key is absent where there is nothing to say.
 */
import { z } from 'zod'

const Text = z.string()
const Digest = z.string().regex(/^[a-z0-9+._-]+:[A-Za-z0-9=_-]+$/)

/** One line of the log. */
const RecordLine = z
  .strictObject({
    v: z.literal(2).describe('version of the record'),
    time: z.iso.datetime().describe('when the request came; RFC 3339, in UTC'),
    id: Text.describe("Cloudflare's Cf-Ray behind Cloudflare, else made by the gate"),
    principal: Text.exactOptional().describe('who was identified: token:ci, subject:github/…, anonymous'),
    as: z
      .array(Text)
      .exactOptional()
      .describe(
        'everything that the caller was at once: subject or token, identities, groups that the policy names, everyone',
      ),
    password: Text.exactOptional().describe('name of the password that vouched for the caller'),
    operation: Text.exactOptional().describe(
      'what was asked of the registry, or token or exchange of the token service',
    ),
    method: Text.exactOptional().describe('of HTTP'),
    permission: Text.exactOptional().describe('the permission that decided'),
    repository: Text.exactOptional(),
    reference: Text.exactOptional().describe('tag or digest'),
    tags: z.array(Text).exactOptional().describe('every tag of a push'),
    digest: Digest.exactOptional().describe(
      'of the manifest that was pushed, also by tag; else the digest that was asked for',
    ),
    from: Text.exactOptional().describe('source of a mount that was asked for, also where the mount became an upload'),
    mediaType: Text.exactOptional().describe('Content-Type of a pushed manifest'),
    artifactType: Text.exactOptional().describe('filter of a list of referrers'),
    clientIp: Text.exactOptional(),
    claims: z
      .record(Text, z.union([Text, z.array(Text)]))
      .exactOptional()
      .describe('claims that the policy reads in a condition or an identity'),
    scopes: z.array(Text).exactOptional().describe('of the token that was given, or that was asked for and refused'),
    decision: z.enum(['allow', 'deny']).describe('allow with a reason: policy allowed it, and the registry failed'),
    rule: Text.exactOptional().describe('what allowed or denied it, as kind and name'),
    reason: Text.exactOptional().describe('why it was refused, or what failed'),
    audit: z
      .array(Text)
      .exactOptional()
      .describe('protections and deny assignments that are only audited and would have refused'),
    bundle: z.int().exactOptional().describe('serial of the policy'),
    status: z.int().describe('of the answer'),
    ms: z.number().min(0).describe('milliseconds until the answer began'),
  })
  .describe('one request, as the gate records it: one line of JSON')

/** The file of the schema, in `schema/`. */
export const RECORD_FILE = 'record.schema.json'

/** The JSON Schema of a record. */
export const recordSchema = (): object => ({
  ...z.toJSONSchema(RecordLine),
  title: 'audit record of Dockgate, version 2',
})
