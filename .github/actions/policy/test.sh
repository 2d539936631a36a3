#!/bin/sh
# Checks the policies, runs their decision tests, and writes a summary with the rights that change since BASE.
# Variables: POLICIES (folder), BASE (a commit; empty: nothing is compared), SUMMARY (the file to write).
# Exit status: that of `dockgate check`, or of `dockgate diff` where it cannot compare.
set -u
policies=${POLICIES:-policies}
summary=${SUMMARY:-policy-summary.md}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npx --no-install dockgate check "$policies" >"$work/check" 2>&1
status=$?
cat "$work/check"

# Text of a policy is shown indented: that cannot be Markdown, whatever it holds.
shown() { head -c 30000 "$1" | sed 's/^/    /'; }

{
  echo '<!-- dockgate policy -->'
  if [ "$status" -eq 0 ]; then echo '### Policies: valid'; else echo '### Policies: NOT valid'; fi
  echo
  shown "$work/check"
} >"$summary"

if [ "$status" -eq 0 ] && [ -n "${BASE:-}" ]; then
  mkdir "$work/base"
  if ! git cat-file -e "$BASE^{commit}"; then
    echo "the commit $BASE is not here: fetch it, for example with fetch-depth: 0" >&2
    exit 3
  fi
  if ! git cat-file -e "$BASE:$policies" 2>/dev/null; then
    printf '\n### Rights\n\nThese are the first policies.\n' >>"$summary"
  else
    git archive "$BASE" -- "$policies" | tar -x -C "$work/base"
    npx --no-install dockgate diff "$work/base/$policies" "$policies" >"$work/diff" 2>&1
    difference=$?
    cat "$work/diff"
    printf '\n### Rights that change\n\n' >>"$summary"
    if [ -s "$work/diff" ]; then shown "$work/diff" >>"$summary"; else echo 'None.' >>"$summary"; fi
    # 1 means that rights differ.
    if [ "$difference" -gt 1 ]; then status=$difference; fi
  fi
fi
exit "$status"
