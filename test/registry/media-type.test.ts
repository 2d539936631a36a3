import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { isInert, isJson, parseMediaType } from '../../src/registry/media-type.ts'

describe('the media type of a Content-Type', () => {
  it.each([
    ['application/json', 'application/json'],
    ['Application/JSON', 'application/json'],
    ['application/json; charset=utf-8', 'application/json'],
    ['application/json;charset="utf-8"', 'application/json'],
    ['application/json ; a=b;c="d;e=f\\"" ;', 'application/json'],
    ['text/html; x=json', 'text/html'],
    ['text/html;profile="application/json"', 'text/html'],
    ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.oci.image.manifest.v1+json'],
  ])('%s is %s', (text, expected) => {
    expect(parseMediaType(text)).toBe(expected)
  })

  it.each([
    '',
    'json',
    'application/',
    '/json',
    'application/json/x',
    'application/json, text/html',
    'text/html,application/json',
    'application/json; charset',
    'application/json; charset=',
    'application/json; charset="utf-8',
    'application/json charset=utf-8',
    'application /json',
    ' application/json',
    'application/json\n',
    'applicätion/json',
    `application/json; a=${'b'.repeat(1024)}`,
  ])('%j is none', (text) => {
    expect(parseMediaType(text)).toBeUndefined()
  })

  test.prop([fc.string()])('of any text is lower case and has one slash, or there is none', (text) => {
    const type = parseMediaType(text)
    if (type === undefined) return
    expect(type).toBe(type.toLowerCase())
    expect(type.split('/')).toHaveLength(2)
    expect(text.toLowerCase().startsWith(type)).toBe(true)
  })
})

describe('a media type', () => {
  it.each([
    ['application/json', true, true],
    ['application/vnd.api+json', true, true],
    ['application/problem+json', true, true],
    ['application/octet-stream', false, true],
    ['application/vnd.oci.image.layer.v1.tar+gzip', false, true],
    ['application/vnd.docker.image.rootfs.diff.tar.gzip', false, true],
    ['application/x-tar', false, true],
    ['text/html', false, false],
    ['text/json', false, false],
    ['text/plain', false, false],
    ['application/xhtml+xml', false, false],
    ['application/xml', false, false],
    ['application/vnd.mozilla.xul+xml', false, false],
    ['application/javascript', false, false],
    ['application/jsonp', false, false],
    ['application/json-x', false, false],
    ['application/pdf', false, false],
    ['image/svg+xml', false, false],
    ['multipart/byteranges', false, false],
  ])('%s: is JSON %s, is inert %s', (type, json, inert) => {
    expect([isJson(type), isInert(type)]).toEqual([json, inert])
  })
})
