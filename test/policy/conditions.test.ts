/** Conditions from the policy file to the decision: what Azure's documents say of them, asked as a caller would. */
import { describe, expect, it } from 'vitest'
import { policy, problemsOf, under } from './ask.ts'

const REPOSITORIES = 'Microsoft.ContainerRegistry/registries/repositories'
const NAME = `@Request[${REPOSITORIES}:name]`
const targeted = (action: string, expression: string) =>
  `((!(ActionMatches{'${REPOSITORIES}/${action}'})) OR (${expression}))`
const reads = (condition: string, repository: string) => under(condition)('token:t', 'content/read', repository)

describe('conditions on the name (acr-model 10.2)', () => {
  const one = targeted('content/read', `${NAME} StringEqualsIgnoreCase 'hello-world'`)

  it.each([
    ['1', 'content/read', 'hello-world', 'allow'],
    ['2', 'content/read', 'hello-world2', 'no_grant'],
    ['3, not targeted', 'content/write', 'other', 'allow'],
  ])('vector %s: %s on %s', (_, permission, repository, expected) => {
    expect(under(one)('token:t', permission, repository)).toBe(expected)
  })

  it.each([
    ['4', "StringStartsWithIgnoreCase 'backend/'", 'backend/a', 'allow'],
    ['4', "StringStartsWithIgnoreCase 'backend/'", 'backend', 'no_grant'],
    ['4', "StringStartsWithIgnoreCase 'backend/'", 'backend-infra/k8s', 'no_grant'],
    ['5', "StringStartsWithIgnoreCase 'backend'", 'backend/a', 'allow'],
    ['5', "StringStartsWithIgnoreCase 'backend'", 'backend', 'allow'],
    ['5', "StringStartsWithIgnoreCase 'backend'", 'backend-infra/k8s', 'allow'],
    ['6', "StringStartsWith 'Backend/'", 'backend/a', 'no_grant'],
    ['7', "StringLike 'a*c?'", 'abcd', 'allow'],
    ['8', "StringLike 'a*c'", 'abcd', 'no_grant'],
    ['8', "StringLike 'A*C?'", 'abcd', 'no_grant'],
    ['16', "StringNotEqualsIgnoreCase 'application/secret'", 'application/secret', 'no_grant'],
  ])('vector %s: %s on %s', (_, comparison, repository, expected) => {
    expect(reads(`${NAME} ${comparison}`, repository)).toBe(expected)
    expect(reads(targeted('content/read', `${NAME} ${comparison}`), repository)).toBe(expected)
  })

  it.each([
    ['9', "{'red','blue'} ForAnyOfAnyValues:StringEquals {'blue','green'}", true],
    ['10', "{'red','blue'} ForAllOfAnyValues:StringEquals {'red','green'}", false],
    ['11', "{'red','blue'} ForAllOfAnyValues:StringEquals {'orange','red','blue'}", true],
    ['12', '{10,20} ForAnyOfAllValues:NumericLessThan {15,18}', true],
    ['13', '{10,20} ForAllOfAllValues:NumericLessThan {5,15,18}', false],
    ['13', '{10,20} ForAllOfAllValues:NumericLessThan {25,30}', true],
    ['13', '{10,20} ForAllOfAllValues:NumericLessThan {15,25,30}', false],
  ])('vector %s: %s', (_, condition, expected) => {
    expect(reads(condition, 'a')).toBe(expected ? 'allow' : 'no_grant')
  })

  it('vector 14: * of ActionMatches spans segments', () => {
    const condition = "ActionMatches{'Microsoft.Authorization/roleAssignments/*'}"
    const ask = under(condition, 'Owner')
    expect(ask('token:t', 'Microsoft.Authorization/roleAssignments/write')).toBe('allow')
    expect(ask('token:t', 'Microsoft.ContainerRegistry/registries/write')).toBe('no_grant')
  })

  it('vector 15: an assignment without a condition defeats the one with it', () => {
    const role = 'Container Registry Repository Reader'
    const principal = 'everyone'
    const ask = policy({
      roleAssignments: [
        { principal, role, condition: one },
        { principal, role },
      ],
    })
    expect(ask('token:t', 'content/read', 'other')).toBe('allow')
  })

  it('vector 16: everything except one repository', () => {
    const condition = `NOT ${NAME} StringEqualsIgnoreCase 'application/secret'`
    expect(['application/secret', 'x'].map((name) => reads(condition, name))).toEqual(['no_grant', 'allow'])
  })

  const lister = 'Container Registry Repository Catalog Lister'

  it('vector 17: the catalog has no name, so what negates one grants nothing', () => {
    const condition = `NOT ${NAME} StringEqualsIgnoreCase 'application/secret'`
    expect(under(condition, lister)('token:t', 'catalog/read')).toBe('no_grant')
  })

  it('a condition that does not target the catalog passes it through (acr-model 4.7)', () => {
    expect(under(one, lister)('token:t', 'catalog/read')).toBe('allow')
  })

  it('vector 18: AND next to OR needs parentheses', () => {
    const condition = `${NAME} StringEquals 'a' AND ${NAME} StringEquals 'b' OR ${NAME} StringEquals 'c'`
    const roleAssignments = [{ principal: 'everyone', role: 'Reader', condition }]
    expect(problemsOf({ roleAssignments }).map(({ severity }) => severity)).toContain('error')
  })

  it.each([
    ['8,192 bytes', 8192, 0],
    ['8,193 bytes', 8193, 1],
  ])('vector 19: a condition of %s', (_, length, errors) => {
    const shortest = `${NAME} StringEquals ''`
    const condition = `${NAME} StringEquals '${'a'.repeat(length - shortest.length)}'`
    const problems = problemsOf({ roleAssignments: [{ principal: 'everyone', role: 'Reader', condition }] })
    expect(problems.filter(({ severity }) => severity === 'error')).toHaveLength(errors)
  })

  it.each([
    ['1.0', 1],
    ['2.0', 0],
    ['3.0', 1],
  ])('vector 19: version %s', (conditionVersion, errors) => {
    const rule = { principal: 'everyone', role: 'Reader', condition: one, conditionVersion }
    const problems = problemsOf({ roleAssignments: [rule] })
    expect(problems.filter(({ severity }) => severity === 'error')).toHaveLength(errors)
  })
})

describe('templates of the documents (acr-model 4.8)', () => {
  it.each([
    [
      "StringStartsWithIgnoreCase 'backend/' OR @NAME StringStartsWithIgnoreCase 'frontend/js/'",
      'frontend/js/x',
      'allow',
    ],
    [
      "StringStartsWithIgnoreCase 'backend/' OR @NAME StringStartsWithIgnoreCase 'frontend/js/'",
      'frontend/css',
      'no_grant',
    ],
    ["StringStartsWithIgnoreCase 'app/' OR @NAME StringEqualsIgnoreCase 'app'", 'app', 'allow'],
    ["StringStartsWithIgnoreCase 'app/' OR @NAME StringEqualsIgnoreCase 'app'", 'app/x', 'allow'],
    ["StringStartsWithIgnoreCase 'app/' OR @NAME StringEqualsIgnoreCase 'app'", 'apple', 'no_grant'],
    ["StringLike 'team-*/app'", 'team-a/app', 'allow'],
    ["StringLike 'team-*/app'", 'team-a/app2', 'no_grant'],
  ])('%s on %s: %s', (expression, repository, expected) => {
    const condition = targeted('content/read', `${NAME} ${expression.replace('@NAME', NAME)}`)
    expect(reads(condition, repository)).toBe(expected)
  })

  it('different rules per action, in one condition', () => {
    const condition = [
      targeted('content/read', `${NAME} StringStartsWithIgnoreCase 'app/'`),
      targeted(
        'content/write',
        `${NAME} StringStartsWithIgnoreCase 'app/' AND NOT ${NAME} StringStartsWithIgnoreCase 'app/readonly'`,
      ),
      targeted('content/delete', `${NAME} StringEquals 'app/scratch'`),
    ].join(' AND ')
    const ask = under(condition)
    const held = (name: string) =>
      ['content/read', 'content/write', 'content/delete'].map(
        (permission) => ask('token:t', permission, name) === 'allow',
      )
    expect(held('app/x')).toEqual([true, true, false])
    expect(held('app/readonly')).toEqual([true, false, false])
    expect(held('app/scratch')).toEqual([true, true, true])
    expect(held('other')).toEqual([false, false, false])
  })
})

describe('texts that look like patterns', () => {
  it.each([
    ["StringEquals '*'"],
    ["StringEquals 'a/*'"],
    ["StringEqualsIgnoreCase 'a*'"],
    ["StringStartsWith '*'"],
    ["StringStartsWith 'a/*'"],
    ["StringLike 'a/\\*'"],
    ["ForAnyOfAnyValues:StringEquals {'a/*', '*'}"],
  ])('%s finds no repository: a star is not a wildcard there', (comparison) => {
    for (const name of ['a', 'a/b', 'ab']) expect(reads(`${NAME} ${comparison}`, name)).toBe('no_grant')
  })
})
