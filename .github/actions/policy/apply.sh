#!/bin/sh
# Pushes the policies to Workers KV, waits until the gate uses them, and writes its status.
# Variables: POLICIES (folder), URL (address of the gate; empty: nothing is waited for), SUMMARY (the file to write).
# Secrets, in the environment: DOCKGATE_SIGNING_KEY, CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID.
# Exit status: that of the command that fails.
set -u
policies=${POLICIES:-policies}
summary=${SUMMARY:-policy-summary.md}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "${DOCKGATE_SIGNING_KEY:-}" ]; then
  echo 'DOCKGATE_SIGNING_KEY is empty: set it to the text of keys/policy-signing-key.json' >&2
  exit 2
fi
set -- --remote --policies "$policies" --require-tests
if [ -n "${URL:-}" ]; then set -- "$@" --url "$URL"; fi
npx --no-install dockgate push "$@" >"$work/push" 2>&1
status=$?
cat "$work/push"
{
  if [ "$status" -eq 0 ]; then echo '### Policies: in force'; else echo '### Policies: NOT pushed'; fi
  echo
  head -c 30000 "$work/push" | sed 's/^/    /'
} >"$summary"
[ "$status" -eq 0 ] || exit "$status"

set -- --remote
if [ -n "${URL:-}" ]; then set -- "$@" --url "$URL"; fi
npx --no-install dockgate status "$@" >"$work/status" 2>&1
status=$?
cat "$work/status"
{
  printf '\n### Status\n\n'
  head -c 30000 "$work/status" | sed 's/^/    /'
} >>"$summary"
exit "$status"
