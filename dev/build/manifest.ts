/**
 * The package.json of the package, which differs from that of the clone in one thing: what the clone installs for its
 * tests as optional dependencies is nothing that users of the package need. `npm pack` runs this before (`prepack`) and
 * after (`postpack`).
 */
import { copyFile, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from './root.ts'

const MANIFEST = join(ROOT, 'package.json')
const OF_CLONE = join(ROOT, 'dist', 'package.json.clone')

const isKept = await stat(OF_CLONE).then(
  () => true,
  () => false,
)
if (process.argv[2] === 'restore') {
  if (isKept) await rename(OF_CLONE, MANIFEST)
} else {
  // A pack that was interrupted has left the clone's own file there.
  if (!isKept) await copyFile(MANIFEST, OF_CLONE)
  const { optionalDependencies: _, ...manifest } = JSON.parse(await readFile(OF_CLONE, 'utf8'))
  await writeFile(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`)
}
