import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { formatNextLink, nextTarget, parseLinks } from '../../src/registry/link.ts'

const NEXT = '/v2/_catalog?n=10&last=b'

describe('the next page of a Link', () => {
  it.each([
    ['as most registries write it', `<${NEXT}>; rel="next"`],
    ['without quotes', `<${NEXT}>;rel=next`],
    ['in capitals', `<${NEXT}>; REL="NEXT"`],
    ['with spaces', `  <${NEXT}>  ;  rel  =  "next"  `],
    ['with tabs', `<${NEXT}>\t;\trel\t=\tnext`],
    ['next to another relation', `<${NEXT}>; rel="prefetch next"`],
    ['before another relation', `<${NEXT}>; rel="next  last"`],
    ['with a title that looks like an end', `<${NEXT}>; title="a>b"; rel="next"`],
    ['with a title that looks like a target', `<${NEXT}>; title="</else>; rel=\\"prev\\""; rel="next"`],
    ['with a title that looks like a list', `<${NEXT}>; rel="next"; title="a, <b>; rel=first"`],
    ['with an escaped relation', `<${NEXT}>; rel="ne\\xt"`],
    ['with an encoded title', `<${NEXT}>; rel="next"; title*=UTF-8''n%C3%A4chste`],
    ['with a parameter without a value', `<${NEXT}>; crossorigin; rel="next"`],
    ['with empty parameters', `<${NEXT}>;; rel="next";`],
    ['with a relation that is repeated: the first counts', `<${NEXT}>; rel="next"; rel="prev"`],
    ['after other links', `</v2/_catalog?n=10>; rel="first", <?last=z>; rel=last, <${NEXT}>; rel="next"`],
    ['before other links', `<${NEXT}>; rel="next",</v2/_catalog>; rel="first"`],
    ['in a list with empty elements', `, ,<${NEXT}>; rel="next", ,`],
    ['given twice', `<${NEXT}>; rel="next", <${NEXT}>; rel="next"`],
  ])('is found %s', (_, header) => {
    expect(nextTarget(header)).toEqual({ ok: true, value: NEXT })
  })

  it.each([
    ['an absolute URL', 'https://internal.example/v2/_catalog?last=b'],
    ['a query', '?last=b'],
    ['a relative path', '_catalog?last=b'],
    ['an address without a scheme', '//internal.example/v2/_catalog?last=b'],
    ['a text with a semicolon and a comma', '?a=b;c,d'],
    ['nothing', ''],
  ])('may be %s', (_, target) => {
    expect(nextTarget(`<${target}>; rel="next"`)).toEqual({ ok: true, value: target })
  })

  it.each([
    ['no header', null],
    ['an empty header', ''],
    ['a title that only looks like the relation', '<?last=a>; rel="prev"; title="rel=next"'],
    ['a title that only looks like another link', '<?last=a>; rel="prev"; title="<?last=b>; rel=\\"next\\""'],
    ['other relations', '</a>; rel="first", </b>; rel="prev last"'],
    ['a relation that only begins alike', '</a>; rel="nextish"'],
    ['a relation that is a URL', '</a>; rel="https://example.com/next"'],
    ['a relation that is repeated: the first counts', '</a>; rel="prev"; rel="next"'],
  ])('is not there with %s', (_, header) => {
    expect(nextTarget(header)).toEqual({ ok: true, value: undefined })
  })

  it.each([
    ['no brackets', '/v2/_catalog?last=b; rel="next"'],
    ['one bracket', '<?last=b; rel="next"'],
    ['a bracket in brackets', '<?last=<b>>; rel="next"'],
    ['no parameters', '<?last=b>'],
    ['no relation', '<?last=b>; title="next"'],
    ['an empty relation', '<?last=b>; rel=""'],
    ['a relation without a value', '<?last=b>; rel'],
    ['a reverse relation alone', '<?last=b>; rev="prev"'],
    ['an open quote', '<?last=b>; rel="next'],
    ['text behind a quote', '<?last=b>; rel="next"x'],
    ['text between links', '<?last=b>; rel="next" <?last=c>; rel="last"'],
    ['an equals sign too many', '<?last=b>; rel==next'],
    ['no comma before the next link', '<?last=b><?last=c>; rel="next"'],
    ['a second link that is broken', '<?last=b>; rel="next", ?last=c; rel="last"'],
    ['two different next pages', '<?last=b>; rel="next", <?last=c>; rel="next"'],
    ['the next page of another page', '<?last=b>; rel="next"; anchor="/v2/else"'],
    ['a relation in apostrophes and a space', "<?last=b>; rel='prefetch next'"],
    ['more than any registry writes', `<?last=${'b'.repeat(40_000)}>; rel="next"`],
  ])('is not understood with %s', (_, header) => {
    expect(nextTarget(header)).toEqual({ ok: false, error: 'link_invalid' })
  })
})

const target = fc.stringMatching(/^[!#-;=?-~]{0,20}$/)
const token = fc.stringMatching(/^[a-z0-9-]{1,8}$/)
const value = fc.string({ unit: 'grapheme-ascii', maxLength: 12 })
const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`

test.prop([fc.array(fc.record({ target, relations: fc.array(token, { minLength: 1, maxLength: 3 }), title: value }))])(
  'links are read as they were written, whatever their titles say',
  (links) => {
    const header = links.map((link) => `<${link.target}>;title=${quoted(link.title)};rel="${link.relations.join(' ')}"`)
    expect(parseLinks(header.join(', '))).toEqual({
      ok: true,
      value: links.map((link) => ({ target: link.target, relations: link.relations })),
    })
  },
)

describe('formatNextLink', () => {
  it('names one target, with the relation next', () => {
    expect(formatNextLink(NEXT)).toBe(`<${NEXT}>; rel="next"`)
  })
})
