/**
 * IP addresses and ranges of `IpInRange`. One spelling of an address in, one value out: what other software may read in
 * two ways (leading zeros, shortened IPv4, zone ids) is refused. An IPv4-mapped IPv6 address is the IPv4 address.
 *
 * Source: RFC 4291, section 2.2 and 2.5.5.2; RFC 4632, section 3.1; RFC 6943, section 3.1.1 on ambiguous spellings.
 */

/** Groups of 16 bits, most significant first: two of them are IPv4, eight are IPv6. */
export type IpAddress = readonly number[]

/** All addresses that share the first `length` bits with `address`. */
export type IpRange = { readonly address: IpAddress; readonly length: number }

const DECIMAL = /^(?:0|[1-9]\d{0,2})$/
const HEXADECIMAL = /^[0-9a-fA-F]{1,4}$/

function parseIpv4(text: string): IpAddress | undefined {
  let value = 0
  let part: number | undefined
  let dots = 0
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 48
    if (digit >= 0 && digit <= 9) {
      if (part === 0) return undefined
      part = (part ?? 0) * 10 + digit
      if (part > 255) return undefined
    } else {
      if (text[index] !== '.' || part === undefined) return undefined
      value = value * 256 + part
      part = undefined
      dots += 1
    }
  }
  return dots === 3 && part !== undefined ? [value >> 8, (value & 0xff) * 256 + part] : undefined
}

/** Groups of one side of `::`; the last may be a dotted IPv4 address. */
function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':', 9)
  for (const [index, part] of parts.entries()) {
    if (HEXADECIMAL.test(part)) groups.push(Number.parseInt(part, 16))
    else {
      const ipv4 = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : undefined
      if (ipv4 === undefined) return undefined
      groups.push(...ipv4)
    }
  }
  return groups
}

function parseIpv6(text: string): IpAddress | undefined {
  const gap = text.indexOf('::')
  if (gap === -1) {
    const groups = parseGroups(text, true)
    return groups?.length === 8 ? groups : undefined
  }
  const head = parseGroups(text.slice(0, gap), false)
  const tail = parseGroups(text.slice(gap + 2), true)
  if (head === undefined || tail === undefined || head.length + tail.length > 7) return undefined
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}

const isMapped = (address: IpAddress): boolean =>
  address.length === 8 && address[5] === 0xffff && address.slice(0, 5).every((group) => group === 0)

const parseWritten = (text: string): IpAddress | undefined => (text.includes(':') ? parseIpv6(text) : parseIpv4(text))

/** Read an address; `undefined` if it is none. */
export function parseIpAddress(text: string): IpAddress | undefined {
  const address = parseWritten(text)
  return address !== undefined && isMapped(address) ? address.slice(6) : address
}

/** Read `address/length`, or an address alone, which covers only itself; bits after the length do not count. */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/')
  const address = parseWritten(slash === -1 ? text : text.slice(0, slash))
  if (address === undefined) return undefined
  const bits = address.length * 16
  const lengthText = slash === -1 ? String(bits) : text.slice(slash + 1)
  const length = Number(lengthText)
  if (!DECIMAL.test(lengthText) || length > bits) return undefined
  return isMapped(address) && length >= 96 ? { address: address.slice(6), length: length - 96 } : { address, length }
}

/** Whether `address` lies in `range`; never for an IPv4 address and an IPv6 range, or the reverse. */
export function isInRange(address: IpAddress, range: IpRange): boolean {
  if (address.length !== range.address.length) return false
  for (let index = 0, left = range.length; left > 0; index++, left -= 16) {
    const ignored = Math.max(16 - left, 0)
    if ((address[index] ?? 0) >> ignored !== (range.address[index] ?? 0) >> ignored) return false
  }
  return true
}
