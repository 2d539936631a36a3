/** The licences of the packages that are compiled into ours. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'
import { ROOT } from './root.ts'

/**
 * @returns name, version and licence text of each package, by name
 * @throws when a package has no licence text
 */
export async function noticesOf(metafiles: readonly Metafile[]): Promise<string> {
  const notices = await Promise.all(packagesIn(metafiles).map(noticeOf))
  return `This package contains code of the following packages.\n\n${notices.join('\n\n')}\n`
}

/** Folders of the packages that something of is in an output, relative to the project. */
function packagesIn(metafiles: readonly Metafile[]): readonly string[] {
  const used = metafiles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
    ),
  )
  const folders = used.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [])
  return [...new Set(folders)].sort()
}

async function noticeOf(folder: string): Promise<string> {
  const path = join(ROOT, folder)
  const { name, version, license } = JSON.parse(await readFile(join(path, 'package.json'), 'utf8'))
  const file = (await readdir(path)).find((entry) => /^licen[cs]e(?:\.|$)/i.test(entry))
  if (file === undefined) throw new Error(`${folder} has no licence text`)
  return `== ${name} ${version} (${license})\n\n${(await readFile(join(path, file), 'utf8')).trim()}`
}
