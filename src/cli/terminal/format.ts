/** Sizes and ages as people read them. */

/** A number of bytes for people: `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const [size, unit] = bytes < 1024 ** 2 ? [bytes / 1024, 'KiB'] : [bytes / 1024 ** 2, 'MiB']
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`
}

/** A number of seconds for people, in its largest unit. */
export function formatAge(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`
}

/** A number for people, with separators: `100,000`. */
export const formatCount = (n: number): string => n.toLocaleString('en-US')
