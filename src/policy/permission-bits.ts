/** Data permissions as bits of one number: the position in {@link PERMISSIONS}. Stored in bundles: append, never reorder. */
import { PERMISSIONS, type Permission } from '../registry/permission.ts'

export const PERMISSION_BITS: Readonly<Record<Permission, number>> = Object.fromEntries(
  PERMISSIONS.map((permission, index) => [permission, 1 << index]),
) as Record<Permission, number>

export const bitsOf = (permissions: Iterable<Permission>): number => {
  let bits = 0
  for (const permission of permissions) bits |= PERMISSION_BITS[permission]
  return bits
}

export const permissionsOf = (bits: number): readonly Permission[] =>
  PERMISSIONS.filter((permission) => (bits & PERMISSION_BITS[permission]) !== 0)
