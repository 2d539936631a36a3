/** Data permissions as bits of one number: the position in {@link PERMISSIONS}. Stored in bundles: append, never reorder. */
import { PERMISSIONS, type Permission } from '../registry/permission.ts'

/** One bit for each data permission. */
export const PERMISSION_BITS: Readonly<Record<Permission, number>> = Object.fromEntries(
  PERMISSIONS.map((permission, index) => [permission, 1 << index]),
) as Record<Permission, number>

/** Permissions as a set of bits. */
export const bitsOf = (permissions: Iterable<Permission>): number => {
  let bits = 0
  for (const permission of permissions) bits |= PERMISSION_BITS[permission]
  return bits
}

/** The permissions of a set of bits. */
export const permissionsOf = (bits: number): readonly Permission[] =>
  PERMISSIONS.filter((permission) => (bits & PERMISSION_BITS[permission]) !== 0)
