/**
 * The page of fields, docs/fields.md: what is between its marks follows from the
 * tables in lib/decode, whose formulas are shown as they are, and from the docstrings
 * of lib/tcp-info.ts.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { darwin } from '../lib/decode/darwin.js'
import {
  type KernelFields,
  type Layout,
  lengthFor,
  type NativeField,
  type Rule,
} from '../lib/decode/fields.js'
import { linux } from '../lib/decode/linux.js'
import { windows } from '../lib/decode/windows.js'
import { limitsOf, type TcpInfoCounter } from '../lib/delta.js'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
export const inRoot = (file: string): string => path.join(root, file)

export const TABLES = { linux, windows, darwin } satisfies Record<
  string,
  Layout
>

/** A member of the record, by its docstring. */
interface DocumentedField {
  readonly name: string
  readonly text: string
  readonly unit: string
  readonly kind: string
  /** How far values of two systems may be compared. */
  readonly compare: string
  readonly remarks: string
}

export function isOfKernel(name: string): name is keyof KernelFields {
  return Object.values(TABLES).some(({ rules }) => name in rules)
}

export function nativeField(layout: Layout, name: string): NativeField {
  const field = layout.native.find((each) => each.name === name)
  if (!field) throw new Error(`no native member ${name}`)
  return field
}

/** As readers and as Node call the systems of the tables. */
const SYSTEMS = {
  linux: { system: 'Linux', platform: 'linux' },
  windows: { system: 'Windows', platform: 'win32' },
  darwin: { system: 'macOS', platform: 'darwin' },
}
type Table = keyof typeof SYSTEMS
const TABLE_NAMES = Object.keys(SYSTEMS) as Table[]

const COMPARED = new Set(['same', 'similar', 'never'])
/** States in which members are absent are called A, B, … of their system. */
const LETTERS = 'ABC'

/** Writes what is between the marks of the page anew. */
export function writeFields(
  file: string,
  documented: readonly DocumentedField[],
): void {
  const states = TABLE_NAMES.flatMap(stateRows)
  const fields = documented.map(fieldSection).join('\n\n')
  const used = [...states, fields].join()
  const constants = TABLE_NAMES.flatMap((table) => constantsLine(table, used))
  const page = replaced(readFileSync(file, 'utf8'), {
    states: `| state | when |\n| --- | --- |\n${states.join('\n')}`,
    constants: constants.join('\n'),
    overview: overview(documented),
    fields,
  })
  writeFileSync(file, page)
}

function stateRows(table: Table): string[] {
  const { partial = [] }: Layout = TABLES[table]
  return partial.map(({ when, of }, i) => {
    const condition = print(expressionOf(table, when, of, new Map()))
    return `| ${SYSTEMS[table].system} ${LETTERS[i]} | ${code(condition)} |`
  })
}

/** The numbers behind those names that the page uses. */
function constantsLine(table: Table, used: string): string[] {
  const all = [...constantsIn(table)]
    .filter(([name]) => new RegExp(`\\b${name}\\b`).test(used))
    .map(([name, value]) => code(`${name} = ${value}`))
  return all.length > 0 ? [`- ${SYSTEMS[table].system}: ${all.join(', ')}`] : []
}

/** The text between each pair of marks, `<!-- name: begin -->`, anew. */
function replaced(
  page: string,
  blocks: Readonly<Record<string, string>>,
): string {
  return Object.entries(blocks).reduce((text, [name, block]) => {
    const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`]
    const from = text.indexOf(begin)
    const to = text.indexOf(end)
    if (from < 0 || to < from) throw new Error(`no place for ${name}`)
    const before = text.slice(0, from + begin.length)
    return `${before}\n\n${block.trim()}\n\n${text.slice(to)}`
  }, page)
}

function overview(documented: readonly DocumentedField[]): string {
  const rows = documented.map(({ name, unit, kind, text }) => {
    const presence = Object.values(TABLES).map((layout) =>
      isOfKernel(name) ? presenceOf(layout, name) : 'yes',
    )
    return `| [\`${name}\`](#${name.toLowerCase()}) | ${unit} | ${kind} | ${presence.join(' | ')} | ${text} |`
  })
  return `| field | unit | kind | Linux | Windows | macOS | meaning |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}`
}

/** Since which release or struct version; "yes" if always, "–" if never. */
function presenceOf(layout: Layout, name: keyof KernelFields): string {
  const since = sinceOf(layout, name)
  if (!since) return '–'
  return since === layout.native[0]?.since ? 'yes' : `${since}+`
}

function sinceOf(layout: Layout, name: keyof KernelFields): string | undefined {
  const rule = layout.rules[name]
  if (!rule) return undefined
  const needed = [...rule.of, ...(rule.needs ? [rule.needs] : [])].map((each) =>
    nativeField(layout, each),
  )
  return needed.reduce((a, b) => (lengthFor(a) < lengthFor(b) ? b : a)).since
}

function fieldSection(field: DocumentedField): string {
  const { name, text, unit, kind, compare, remarks } = field
  const tables = TABLE_NAMES.filter((table) => name in TABLES[table].rules)
  if (tables.length > 1 !== COMPARED.has(compare)) {
    throw new Error(`${name}: @compare is for what several systems have`)
  }
  const compared = compare && `between systems: ${compare}`
  const facts = [unit, kind, compared].filter(Boolean).join(' · ')
  const rows = tables.map((table) =>
    originRow(table, name as keyof KernelFields),
  )
  const origin =
    rows.length > 0 &&
    `| | from | since | absent |\n| --- | --- | --- | --- |\n${rows.join('\n')}`
  return [`### ${name}`, facts, text, remarks, origin]
    .filter(Boolean)
    .join('\n\n')
}

function originRow(table: Table, name: keyof KernelFields): string {
  const layout: Layout = TABLES[table]
  const { system, platform } = SYSTEMS[table]
  const rule = layout.rules[name] as Rule<unknown>
  const { of, formula, absent = [], needs } = rule
  const [first] = of as [string]
  const made: Made = formula
    ? madeBy(expressionOf(table, formula, of, argumentsOf(table, name)))
    : { value: unconditional(rule, first) }
  const conditions = absent.map((each) => `${first} === ${shown(each)}`)
  if (needs) conditions.push(`${needs} === 0`)
  if (made.absent) conditions.push(made.absent)
  const when = conditions.map(code)
  const states = [...LETTERS].filter((_, i) => isAbsentIn(layout, i, name))
  if (states.length > 0) when.push(`in state ${states.join(' or ')}`)
  const limit = limitsOf(platform)[name as TcpInfoCounter]
  const wraps = limit ? `, wraps at ${limit.toLocaleString('en')}` : ''
  return `| ${system} | ${code(made.value)}${wraps} | ${sinceOf(layout, name)} | ${when.join(', ')} |`
}

/** A later state has the members of those before it as well. */
function isAbsentIn(
  { partial = [] }: Layout,
  state: number,
  name: keyof KernelFields,
): boolean {
  const those = partial.slice(0, state + 1)
  return (
    state < partial.length && !those.some((each) => each.fields.includes(name))
  )
}

interface Made {
  readonly value: string
  /** The condition, if any, on which there is no value. */
  readonly absent?: string
}

function unconditional({ times, flag }: Rule<unknown>, first: string): string {
  if (times) return `${first} * ${times}`
  // (All bits: a byte that is a boolean.)
  if (flag === 0xff) return `${first} !== 0`
  return flag ? `(${first} & ${flag}) !== 0` : first
}

function shown(value: number): string {
  if (value === 2 ** 64) return '2 ** 64 - 1'
  return value > 0xffff ? `0x${value.toString(16)}` : String(value)
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}

/** "condition ? undefined : value", taken apart. */
function madeBy(expression: ts.Expression): Made {
  if (!ts.isConditionalExpression(expression)) {
    return { value: print(expression) }
  }
  const { condition, whenTrue, whenFalse } = expression
  return isUndefined(whenTrue)
    ? { value: print(whenFalse), absent: print(condition) }
    : { value: print(whenTrue), absent: `!(${print(condition)})` }
}

/** (As the transpiler writes it, too.) */
function isUndefined(node: ts.Expression): boolean {
  return ts.isVoidExpression(node) || print(node) === 'undefined'
}

/** What an arrow function returns, in the native members' names. */
function expressionOf(
  table: Table,
  formula: (...values: never[]) => unknown,
  of: readonly string[],
  others: ReadonlyMap<string, string>,
): ts.Expression {
  const [statement] = ts.createSourceFile(
    table,
    `(${formula})`,
    ts.ScriptTarget.Latest,
  ).statements
  const outer = statement && ts.isExpressionStatement(statement)
  const arrow = outer && ts.isParenthesizedExpression(statement.expression)
  const inner = arrow && statement.expression.expression
  if (!inner || !ts.isArrowFunction(inner) || ts.isBlock(inner.body)) {
    throw new Error(`a formula of ${table} is not an expression`)
  }
  const names = new Map(others)
  for (const [i, { name }] of inner.parameters.entries()) {
    names.set((name as ts.Identifier).text, of[i] as string)
  }
  return renamed(inner.body, names)
}

function renamed(
  expression: ts.Expression,
  names: ReadonlyMap<string, string>,
): ts.Expression {
  const { transformed } = ts.transform(expression, [
    (context) => (root) => {
      const visit = (node: ts.Node): ts.Node =>
        ts.isIdentifier(node)
          ? ts.factory.createIdentifier(names.get(node.text) ?? node.text)
          : ts.visitEachChild(node, visit, context)
      return visit(root) as ts.Expression
    },
  ])
  return transformed[0] as ts.Expression
}

/** What the helper that made a member's rule was given, by its parameters' names. */
function argumentsOf(
  table: Table,
  name: keyof KernelFields,
): ReadonlyMap<string, string> {
  const source = tableSource(table)
  const made = new Map<string, string>()
  const find = (node: ts.Node): void => {
    const isRule =
      ts.isPropertyAssignment(node) && node.name.getText(source) === name
    if (!isRule || !ts.isCallExpression(node.initializer)) {
      ts.forEachChild(node, find)
      return
    }
    const { expression, arguments: given } = node.initializer
    const helper = constantOf(source, expression.getText(source))
    if (!helper || !ts.isArrowFunction(helper)) return
    for (const [i, { name: parameter }] of helper.parameters.entries()) {
      made.set(parameter.getText(source), given[i]?.getText(source) ?? '')
    }
  }
  find(source)
  return made
}

/** The numbers that formulas of a table name. */
function constantsIn(table: Table): Map<string, string> {
  const source = tableSource(table)
  const all = new Map<string, string>()
  for (const { name, initializer } of declarationsIn(source)) {
    if (initializer && ts.isNumericLiteral(initializer)) {
      all.set(name.getText(source), initializer.getText(source))
    }
  }
  return all
}

function constantOf(
  source: ts.SourceFile,
  name: string,
): ts.Expression | undefined {
  return declarationsIn(source).find(
    (each) => each.name.getText(source) === name,
  )?.initializer
}

function declarationsIn(
  source: ts.SourceFile,
): readonly ts.VariableDeclaration[] {
  return source.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => declarationList.declarations)
}

function tableSource(table: Table): ts.SourceFile {
  return parsed(inRoot(`lib/decode/${table}.ts`))
}

function parsed(file: string): ts.SourceFile {
  const text = readFileSync(file, 'utf8')
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
}

function print(node: ts.Expression): string {
  const file = ts.createSourceFile('', '', ts.ScriptTarget.Latest)
  const printer = ts.createPrinter({ removeComments: true })
  return printer.printNode(ts.EmitHint.Expression, node, file)
}

/** The members of the class TcpInfoRecord, in their order, with their docstrings. */
export function readDocumentedFields(): DocumentedField[] {
  const record = parsed(inRoot('lib/tcp-info.ts')).statements.find(
    (each) =>
      ts.isClassDeclaration(each) && each.name?.text === 'TcpInfoRecord',
  )
  if (!record || !ts.isClassDeclaration(record))
    throw new Error('no TcpInfoRecord')
  return record.members
    .filter(ts.isPropertyDeclaration)
    .filter(({ name }) => ts.isIdentifier(name)) // no #private one
    .map((each) => {
      const tags = new Map(
        ts
          .getJSDocTags(each)
          .map((tag) => [tag.tagName.text, String(tag.comment ?? '')]),
      )
      const [doc] = ts.getJSDocCommentsAndTags(each) as ts.JSDoc[]
      return {
        name: each.name.getText(),
        text: String(doc?.comment ?? '').replaceAll(/\s+/g, ' '),
        unit: tags.get('unit') ?? '',
        kind: tags.get('kind') ?? '',
        compare: tags.get('compare') ?? '',
        remarks: (tags.get('remarks') ?? '').replaceAll(/\s+/g, ' '),
      }
    })
}
