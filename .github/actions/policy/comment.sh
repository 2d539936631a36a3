#!/bin/sh
# Writes the summary as a comment of the pull request, or updates the one that is there.
# Variables: SUMMARY (the file), TOKEN, PULL_REQUEST (its number), GITHUB_API_URL, GITHUB_REPOSITORY.
set -eu
[ -f "$SUMMARY" ] || exit 0
node - <<'SCRIPT'
const { readFileSync } = require('node:fs')
const { SUMMARY, TOKEN, PULL_REQUEST, GITHUB_API_URL, GITHUB_REPOSITORY } = process.env
const MARK = '<!-- dockgate policy -->'
const repository = `${GITHUB_API_URL}/repos/${GITHUB_REPOSITORY}`

async function call(method, url, body) {
  const response = await fetch(url, {
    method,
    headers: { accept: 'application/vnd.github+json', authorization: `Bearer ${TOKEN}` },
    ...(body === undefined ? {} : { body: JSON.stringify({ body }) }),
  })
  if (!response.ok) throw new Error(`${method} ${url} is answered ${response.status}`)
  return response.json()
}

async function main() {
  const text = readFileSync(SUMMARY, 'utf8')
  let known
  for (let page = 1; known === undefined; page++) {
    const comments = await call('GET', `${repository}/issues/${PULL_REQUEST}/comments?per_page=100&page=${page}`)
    known = comments.find(({ body, user }) => body?.startsWith(MARK) && user?.type === 'Bot')
    if (comments.length < 100) break
  }
  if (known === undefined) await call('POST', `${repository}/issues/${PULL_REQUEST}/comments`, text)
  else if (known.body !== text) await call('PATCH', `${repository}/issues/comments/${known.id}`, text)
}

main().catch(({ message }) => {
  console.error(`the comment cannot be written: ${message}; the job needs the permission pull-requests: write`)
  process.exitCode = 1
})
SCRIPT
