/** The values of `wrangler.toml` that are this registry's own, as a template. */
export const SETTINGS = `# Values for the wrangler.toml of the gate.

[vars]
UPSTREAM = "$UPSTREAM"
PUBLIC_URL = "https://$SERVICE"
# Bundles that are signed for another service do not count here.
POLICY_SERVICE = "$SERVICE"

# The id is printed by: npx wrangler kv namespace create POLICY
[[kv_namespaces]]
binding = "POLICY"
id = "policy"

# Clients reach the gate only here. With fail closed, nothing passes it by when the account's limits are met.
[[routes]]
pattern = "$SERVICE"
custom_domain = true
`
