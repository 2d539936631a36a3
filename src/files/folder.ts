/**
 * The files of a policy folder, as texts. Never looks at what they mean.
 */
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeUtf8, FILE_MAX_BYTES } from './document.ts'
import { complaint, type Report } from './problem.ts'

const POLICY_FILE = /\.(?:ya?ml|json)$/i

type File = { readonly path: string; readonly text: string }

/** All policy files below `directory`; undefined, and reported, if it cannot be listed. */
export async function readFolder(directory: string, report: Report): Promise<readonly File[] | undefined> {
  const root = await stat(directory).catch(() => undefined)
  if (root === undefined || !root.isDirectory()) {
    const what = root === undefined ? `there is no folder ${directory}` : `${directory} is not a folder`
    const hint = 'name the folder that holds the policy files'
    report.error({ file: '.', line: 1, column: 1 }, complaint('folder_missing', what, hint))
    return undefined
  }
  const files: File[] = []
  await readInto(files, directory, '', new Set(), report)
  if (files.length === 0 && report.errors === 0) {
    const what = `${directory} holds no policy file`
    const hint = 'policies are *.yaml, *.yml and *.json'
    report.error({ file: '.', line: 1, column: 1 }, complaint('folder_empty', what, hint))
    return undefined
  }
  return files
}

/** Links are followed, as mounted configuration consists of them; `seen` ends their circles. */
async function readInto(files: File[], root: string, folder: string, seen: Set<string>, report: Report): Promise<void> {
  const unreadable = (path: string, error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : error
    const hint = 'make it readable, or remove it'
    report.error(
      { file: path || '.', line: 1, column: 1 },
      complaint('file_unreadable', `cannot be read: ${code}`, hint),
    )
  }
  try {
    const real = await realpath(join(root, folder))
    if (seen.has(real)) return
    seen.add(real)
    for (const name of (await readdir(real)).sort()) {
      if (name.startsWith('.')) continue
      const path = folder === '' ? name : `${folder}/${name}`
      try {
        const found = await stat(join(root, path))
        if (found.isDirectory()) await readInto(files, root, path, seen, report)
        else if (found.isFile() && POLICY_FILE.test(name)) await readText(files, root, path, found.size, report)
      } catch (error) {
        unreadable(path, error)
      }
    }
  } catch (error) {
    unreadable(folder, error)
  }
}

async function readText(files: File[], root: string, path: string, size: number, report: Report): Promise<void> {
  if (size > FILE_MAX_BYTES) {
    const reason = complaint('file_too_large', 'the file is larger than 64 MiB', 'split it into several files')
    report.error({ file: path, line: 1, column: 1 }, reason)
    return
  }
  const decoded = decodeUtf8(await readFile(join(root, path)))
  if ('text' in decoded) files.push({ path, text: decoded.text })
  else report.error({ file: path, line: decoded.line, column: decoded.column }, decoded.reason)
}
