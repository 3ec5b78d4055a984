import fc from 'fast-check'
import {
  csvHeader,
  fromJsonLine,
  toCsvLine,
  toJsonLine,
} from '../../lib/lines.js'
import {
  READING,
  type TcpInfo,
  type TcpInfoRecord,
} from '../../lib/tcp-info.js'
import { recordOf } from '../support/record.js'
import { corpus, oneRecord, record, text } from './arbitraries.js'
import { check, fuzz } from './property.js'
import { arePrototypesClean, faultsOf, isOurs } from './sound.js'

/** What a record is written as holds all of it, the kernel's own struct included. */
function checkReadBack(info: TcpInfo, connection: string): void {
  const line = toJsonLine(info, connection)
  check(line.indexOf('\n') === line.length - 1, () => 'more than one line')
  const read = fromJsonLine(line)
  check(read.connection === connection, () => read.connection)
  const again = toJsonLine(read.info, connection)
  check(again === line, () => `${line} became ${again}`)
}

/** (A kernel that fills nothing has no socket.) */
const isFilled = (info: TcpInfo): boolean =>
  ((info as TcpInfoRecord)[READING]?.filled ?? 0) > 0

fuzz(
  'a record comes back from its line as it was',
  fc.property(record.filter(isFilled), text, checkReadBack),
  { runs: 1500 },
)

/** Whatever it holds, it is a record that can be written again, or refused. */
function checkLine(line: unknown): void {
  try {
    const { connection, info } = fromJsonLine(line as string)
    const faults = faultsOf(info)
    check(faults.length === 0, () => faults.join(', '))
    checkReadBack(info, connection)
  } catch (error) {
    const isText = typeof line === 'string'
    const code = isText ? 'ERR_TCP_INFO_FORMAT' : 'ERR_TCP_INFO_ARGUMENT'
    if (!isOurs(error, code)) throw error
  }
  check(arePrototypesClean(), () => 'a prototype was written to')
}

const LINE = toJsonLine(
  recordOf(
    'linux',
    Uint8Array.from({ length: 280 }, (_, i) => i),
  ),
  'a-1',
)
const MEMBERS = Object.keys(JSON.parse(LINE) as object)

const nested = fc.constantFrom(
  ...[3, 100, 3_000].map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
)

/** What JSON.stringify never writes, and JSON.parse takes. */
const ODD_JSON = [
  ...['1e999', '-1e999', '1e308', '-0', '-5', '1.5', '5e-324', '1e-400'],
  ...['9007199254740993', '8640000000000001', '"\\ud800"', '"\\u0000"', '""'],
  ...['"linux"', '"darwin"', '"win32"', '"__proto__"', '"AAAA"', '"AAA="'],
  ...['null', 'true', '{"toString":1,"valueOf":1}', '{"__proto__":[]}'],
]

const member = fc.tuple(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...MEMBERS) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'toJSON'],
      ),
    },
  ),
  fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...ODD_JSON) },
    { weight: 1, arbitrary: fc.json({ maxDepth: 2 }) },
    { weight: 4, arbitrary: text.map((each) => JSON.stringify(each)) },
    { weight: 1, arbitrary: nested },
  ),
)

fuzz(
  'a line with any members is a record or is refused',
  fc.property(fc.array(member, { minLength: 1, maxLength: 4 }), (odd) => {
    const members = odd.map(([name, json]) => `"${name}":${json}`)
    // Of a name that is there twice the last one counts.
    checkLine(`${LINE.trimEnd().slice(0, -1)},${members.join()}}`)
  }),
  { runs: 1500 },
)

fuzz(
  'a line that was tampered with is a record or is refused',
  fc.property(
    fc.array(
      fc.tuple(
        fc.nat({ max: LINE.length }),
        fc.nat({ max: 12 }),
        fc.oneof(
          text,
          fc.constantFrom('{', '}', '[', ']', ':', 'null', '1e999', '"'),
        ),
      ),
      { minLength: 1, maxLength: 4 },
    ),
    (changes) => {
      let line = LINE
      for (const [at, dropped, inserted] of changes) {
        line = line.slice(0, at) + inserted + line.slice(at + dropped)
      }
      checkLine(line)
    },
  ),
  { runs: 1500 },
)

fuzz(
  'anything else is refused',
  fc.property(
    fc.oneof(text, fc.json({ maxDepth: 4 }), nested, fc.anything()),
    checkLine,
  ),
  {
    runs: 1500,
    examples: corpus<string>('lines').map((line): [string] => [line]),
  },
)

fuzz(
  'only a record is written',
  fc.property(fc.anything(), fc.anything(), (info, connection) => {
    for (const write of [toJsonLine, toCsvLine]) {
      try {
        write(info as TcpInfo, connection as string)
      } catch (error) {
        if (!isOurs(error, 'ERR_TCP_INFO_ARGUMENT')) throw error
        continue
      }
      throw new Error(`${write.name} took it`)
    }
  }),
  { runs: 1000 },
)

/** RFC 4180, section 2: one record, quotes and line end included. */
function cellsOf(line: string): string[] {
  const cells: string[] = []
  let at = 0
  for (;;) {
    let cell = ''
    if (line[at] === '"') {
      for (at++; line[at] !== '"' || line[at + 1] === '"'; at++) {
        if (at >= line.length) throw new Error('a quote is not closed')
        if (line[at] === '"') at++
        cell += line[at]
      }
      at++
    } else {
      for (; !/[,\r\n"]/.test(line[at] as string); at++) cell += line[at]
    }
    cells.push(cell)
    if (line.slice(at) === '\r\n') return cells
    if (line[at] !== ',') throw new Error(`a cell does not end at ${at}`)
    at++
  }
}

const HEADER = cellsOf(csvHeader())

fuzz(
  'a line of CSV has all cells, none of which is a formula',
  fc.property(oneRecord, text, (info, connection) => {
    let line: string
    try {
      line = toCsvLine(info, connection)
    } catch (error) {
      if (isOurs(error, 'ERR_TCP_INFO_ARGUMENT')) return
      throw error
    }
    const cells = cellsOf(line)
    check(cells.length === HEADER.length, () => `${cells.length} cells`)
    for (const [i, cell] of cells.entries()) {
      const name = HEADER[i] as 'connection' | keyof TcpInfo
      const value = name === 'connection' ? connection : info[name]
      // What a spreadsheet takes for the beginning of a formula; a time is a number.
      check(
        name === 'capturedAt' || !/^[=+\-@\t\r\n\0]/.test(cell),
        () => `${name}: ${cell}`,
      )
      if (typeof value === 'string' && cell !== '') {
        check(cell === value || cell === `'${value}`, () => `${name}: ${cell}`)
      } else if (cell !== '') {
        check(cell === String(value), () => `${name}: ${cell}`)
      }
      check(
        !/NaN|Infinity|object/.test(cell) || typeof value === 'string',
        () => `${name}: ${cell}`,
      )
    }
  }),
  {
    runs: 1500,
    examples: corpus<string>('texts').map((each): [TcpInfo, string] => [
      recordOf('linux', new Uint8Array(280)),
      each,
    ]),
  },
)
