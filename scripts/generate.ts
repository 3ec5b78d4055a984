/**
 * Writes what follows from the tables in lib/decode:
 *
 * - lib/decode/records.ts, the decoders as straight code. (One closure for each
 *   member of the tables, called in a loop, took four times as long for a record:
 *   450 ns more, beside a system call of 640 ns.)
 * - the table of fields in README.md, from the docstrings of lib/tcp-info.ts.
 */

import { execFileSync } from 'node:child_process'
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

interface DocumentedField {
  readonly name: string
  readonly text: string
  readonly unit: string
  readonly kind: string
}

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const inRoot = (file: string): string => path.join(root, file)

const TABLES = { linux, windows, darwin } satisfies Record<string, Layout>

const documented = readDocumentedFields()
const kernelNames = documented
  .map(({ name }) => name as keyof KernelFields)
  .filter((name) => Object.values(TABLES).some(({ rules }) => name in rules))

writeRecords(inRoot('lib/decode/records.ts'))
writeReadmeTable(inRoot('README.md'))

// --- lib/decode/records.ts

function writeRecords(file: string): void {
  const tables = Object.keys(TABLES)
  const decoders = Object.entries(TABLES).map(([table, layout]) =>
    decoder(table, layout),
  )
  writeFileSync(
    file,
    `/** The decoders. Generated from the tables by scripts/generate.ts. */

${tables.map((table) => `import { ${table} } from './${table}.js'`).join('\n')}
import { type Decoder, formulaOf, partialOf } from './fields.js'

${decoders.join('\n')}`,
  )
  const biome = inRoot('node_modules/@biomejs/biome/bin/biome')
  execFileSync(
    process.execPath,
    [biome, 'check', '--write', '--vcs-enabled=false', file],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
}

function decoder(table: string, layout: Layout): string {
  const { partial } = layout
  const names = kernelNames.filter((name) => name in layout.rules)
  const formulas = names
    .filter((name) => layout.rules[name]?.formula)
    .map(
      (name) =>
        `const ${formulaName(table, name)} = formulaOf(${table}, '${name}')`,
    )
  if (partial) formulas.push(`const ${table}Partial = partialOf(${table})`)
  const length = partial
    ? `${whole(layout, partial.of, 'filled')} && ${table}Partial(${values(layout, partial.of).join()}) ? 0 : filled`
    : 'filled'
  return `${formulas.join('\n')}

export const decode${capitalised(table)}: Decoder = (record, bytes, words, at, filled) => {
  const first = at >> 2
  const length = ${length}
  ${names.map((name) => assignment(table, layout, name)).join('\n  ')}
}
`
}

function assignment(
  table: string,
  layout: Layout,
  name: keyof KernelFields,
): string {
  const rule = layout.rules[name] as Rule<unknown>
  const args = values(layout, rule.of)
  const [first] = args as [string]
  const absent = rule.absent?.map((each) => `&& ${first} !== ${each}`) ?? []
  const length = layout.partial?.fields.includes(name) ? 'filled' : 'length'
  const value = rule.formula
    ? `${formulaName(table, name)}(${args.join()})`
    : rule.isFlag
      ? `${first} !== 0`
      : `${first}${rule.times ? `* ${rule.times}` : ''}`
  return `if (${whole(layout, rule.of, length)} ${absent.join(' ')}) record.${name} = ${value}`
}

function whole(layout: Layout, of: readonly string[], length: string): string {
  const needed = of.map((name) => lengthFor(nativeField(layout, name)))
  return `${length} >= ${Math.max(...needed)}`
}

/** Expressions that read native members out of the two views of the struct. */
function values(layout: Layout, of: readonly string[]): string[] {
  return of.map((name) => value(nativeField(layout, name)))
}

function value({ offset, type, bits }: NativeField): string {
  const word = (index: number): string => `(words[first + ${index}] as number)`
  const index = offset >> 2
  const [shift, width] = bits ?? [0, 32]
  const extracted = (whole: string): string => {
    const shifted = shift ? `(${whole} >>> ${shift})` : whole
    return width < 32 ? `(${shifted} & ${2 ** width - 1})` : shifted
  }
  switch (type) {
    case 'u8':
      return extracted(`(bytes[at + ${offset}] as number)`)
    case 'u16':
      return offset & 2
        ? `(${word(index)} >>> 16)`
        : `(${word(index)} & 0xffff)`
    case 'u32':
      return extracted(word(index))
    case 'u64':
      return `(${word(index)} + ${word(index + 1)} * 0x1_0000_0000)`
  }
}

function nativeField(layout: Layout, name: string): NativeField {
  const field = layout.native.find((each) => each.name === name)
  if (!field) throw new Error(`no native member ${name}`)
  return field
}

function formulaName(table: string, name: string): string {
  return `${table}${capitalised(name)}`
}

function capitalised(name: string): string {
  return (name[0] as string).toUpperCase() + name.slice(1)
}

// --- README.md

function writeReadmeTable(file: string): void {
  const readme = readFileSync(file, 'utf8')
  const [begin, end] = ['<!-- fields: begin -->\n', '<!-- fields: end -->']
  const from = readme.indexOf(begin)
  const to = readme.indexOf(end)
  if (from < 0 || to < from) throw new Error('README.md has no place for it')
  const rows = documented.map(({ name, text, unit, kind }) => {
    const presence = Object.entries(TABLES).map(([, layout]) =>
      kernelNames.includes(name as keyof KernelFields)
        ? presenceOf(layout, name as keyof KernelFields)
        : 'yes',
    )
    return `| \`${name}\` | ${unit} | ${kind} | ${presence.join(' | ')} | ${text} |`
  })
  writeFileSync(
    file,
    `${readme.slice(0, from)}${begin}
| field | unit | kind | Linux | Windows | macOS | meaning |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

${readme.slice(to)}`,
  )
}

/** Since which release or struct version; "yes" if always, "–" if never. */
function presenceOf(layout: Layout, name: keyof KernelFields): string {
  const rule = layout.rules[name]
  if (!rule) return '–'
  const needed = rule.of.map((each) => nativeField(layout, each))
  const newest = needed.reduce((a, b) => (lengthFor(a) < lengthFor(b) ? b : a))
  const oldest = layout.native[0] as NativeField
  return newest.since === oldest.since ? 'yes' : `${newest.since}+`
}

/** The members of the class TcpInfo, in their order, with their docstrings. */
function readDocumentedFields(): DocumentedField[] {
  const file = inRoot('lib/tcp-info.ts')
  const source = ts.createSourceFile(
    file,
    readFileSync(file, 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  )
  const record = source.statements.find(
    (each): each is ts.ClassDeclaration =>
      ts.isClassDeclaration(each) && each.name?.text === 'TcpInfo',
  )
  return (record?.members ?? [])
    .filter(ts.isPropertyDeclaration)
    .filter(({ name }) => ts.isIdentifier(name))
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
      }
    })
}
