/**
 * Writes what follows from the tables in lib/decode:
 *
 * - lib/decode/records.ts, the decoders as straight code, and a second time
 *   without a look at the length, for a struct that is filled as far as we know
 *   it. (Beside a system call of 640 ns: one closure for each member cost 450 ns
 *   more, a comparison for each member 160 ns.)
 * - lib/counters.ts and, with the docstrings of lib/tcp-info.ts, the page of fields,
 *   docs/fields.md.
 *
 * And the code in docs/recipes.md, which is that of test/clients/recipes.
 */

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  type KernelFields,
  type Layout,
  lengthFor,
  type NativeField,
  type Rule,
} from '../lib/decode/fields.js'
import {
  inRoot,
  isOfKernel,
  nativeField,
  readDocumentedFields,
  TABLES,
  writeFields,
} from './fields-page.js'

const documented = readDocumentedFields()
const kernelNames = documented.map(({ name }) => name).filter(isOfKernel)

writeRecords(inRoot('lib/decode/records.ts'))
writeCounters(inRoot('lib/counters.ts'))
writeFields(inRoot('docs/fields.md'), documented)
writeRecipes(inRoot('docs/recipes.md'), inRoot('test/clients/recipes'))

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
import { type Decoder, formulaOf, partialsOf, type Unfilled } from './fields.js'
import { type Reading, type TcpInfo, TcpInfoRecord } from '../tcp-info.js'

${decoders.join('\n')}`,
  )
  format(file)
}

function format(file: string): void {
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
  const { partial = [] } = layout
  const names = kernelNames.filter((name) => name in layout.rules)
  const formulas = names
    .filter((name) => layout.rules[name]?.formula)
    .map(
      (name) =>
        `const ${formulaName(table, name)} = formulaOf(${table}, '${name}')`,
    )
  const conditions = partial.map((_, i) => `${table}Partial${i + 1}`)
  if (partial.length > 0) {
    formulas.push(`const [${conditions.join()}] = partialsOf(${table})`)
  }
  // length0 is what was filled; in a partial state the next one is 0.
  const lengths = partial.map(({ of }, i) => {
    const applies = `${conditions[i]}?.(${values(layout, of).join()})`
    return `const length${i + 1} = length0 >= ${neededBy(layout, { of })} && ${applies} ? 0 : length${i}`
  })
  const last = `length${partial.length}`
  const most = Math.max(
    ...names.map((name) =>
      neededBy(layout, layout.rules[name] as Rule<unknown>),
    ),
  )
  const whole = `decodeWhole${capitalised(table)}`
  const body = (isWhole: boolean): string =>
    `const record: Unfilled = new TcpInfoRecord(reading)
  ${names.map((name) => assignment(table, layout, name, isWhole)).join('\n  ')}
  return record`
  return `${formulas.join('\n')}

export const decode${capitalised(table)}: Decoder = (reading) => {
  const { words, filled: length0 } = reading
  const first = reading.at >> 2
  ${lengths.join('\n  ')}
  if (${last} >= ${most}) return ${whole}(reading, words, first)
  ${body(false)}
}

function ${whole}(reading: Reading, words: Uint32Array, first: number): TcpInfo {
  ${body(true)}
}
`
}

function assignment(
  table: string,
  layout: Layout,
  name: keyof KernelFields,
  isWhole: boolean,
): string {
  const rule = layout.rules[name] as Rule<unknown>
  const { of, absent, needs, times, flag, formula } = rule
  const { partial = [] } = layout
  const listed = partial.findIndex(({ fields }) => fields.includes(name))
  const length = `length${listed < 0 ? partial.length : listed}`
  const args = values(layout, of)
  const [first] = args as [string]
  const conditions = isWhole ? [] : [`${length} >= ${neededBy(layout, rule)}`]
  if (needs) conditions.push(`${values(layout, [needs])} !== 0`)
  for (const each of absent ?? []) conditions.push(`${first} !== ${each}`)
  let made = first
  if (formula) made = `${formulaName(table, name)}(${args.join()})`
  else if (flag) made = `(${first} & ${flag}) !== 0`
  else if (times) made = `${first} * ${times}`
  const condition = conditions.length ? `if (${conditions.join(' && ')}) ` : ''
  return `${condition}record.${name} = ${made}`
}

/** How many bytes must be filled for a member of the record to exist. */
function neededBy(
  layout: Layout,
  { of, needs }: Pick<Rule<unknown>, 'of' | 'needs'>,
): number {
  const names = needs ? [...of, needs] : of
  return Math.max(...names.map((name) => lengthFor(nativeField(layout, name))))
}

/** Expressions that read native members out of the words of the struct. */
function values(layout: Layout, of: readonly string[]): string[] {
  return of.map((name) => value(nativeField(layout, name)))
}

function value({ offset, type, bits = [0, 32] }: NativeField): string {
  const index = offset >> 2
  const word = `(words[first + ${index}] as number)`
  if (type === 'u64') {
    const high = `(words[first + ${index + 1}] as number)`
    // Below 2^32 the value stays an integer, which costs no heap number.
    return `(${high} === 0 ? ${word} : ${word} + ${high} * 0x1_0000_0000)`
  }
  const shift = (offset & 3) * 8 + bits[0]
  const width = Math.min(bits[1], { u8: 8, u16: 16, u32: 32 }[type])
  const shifted = shift ? `(${word} >>> ${shift})` : word
  return shift + width < 32 ? `(${shifted} & ${2 ** width - 1})` : shifted
}

function formulaName(table: string, name: string): string {
  return `${table}${capitalised(name)}`
}

function capitalised(name: string): string {
  return (name[0] as string).toUpperCase() + name.slice(1)
}

// --- lib/counters.ts

function writeCounters(file: string): void {
  const names = documented
    .filter(({ kind }) => kind === 'counter')
    .map(({ name }) => `'${name}'`)
  writeFileSync(
    file,
    `/** The record's counters. Generated from the docstrings of tcp-info.ts by scripts/generate.ts. */

export const COUNTERS = [${names.join()}] as const
`,
  )
  format(file)
}

// --- docs/recipes.md

/** Each `<!-- recipe: name -->` is followed by the text of name.mjs. */
function writeRecipes(file: string, folder: string): void {
  const missing = new Set(readdirSync(folder))
  const page = readFileSync(file, 'utf8').replaceAll(
    /^(<!-- recipe: (\S+) -->)\n(?:\n```js\n[\s\S]*?\n```\n)?/gm,
    (_, marker: string, name: string) => {
      const code = readFileSync(path.join(folder, `${name}.mjs`), 'utf8')
      missing.delete(`${name}.mjs`)
      return `${marker}\n\n\`\`\`js\n${code}\`\`\`\n`
    },
  )
  if (missing.size > 0) {
    throw new Error(`not in ${file}: ${[...missing].join(', ')}`)
  }
  writeFileSync(file, page)
}
