import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = path.join(__dirname, '../..')
const prebuilds = path.join(root, 'prebuilds')
const checker = path.join(root, 'scripts/check-prebuilds.py')

const LINUX = 'linux-x64/tcpinfo-socket.glibc.node'
const MUSL = 'linux-x64/tcpinfo-socket.musl.node'
const WINDOWS = 'win32-x64/tcpinfo-socket.node'
/** Not signed, so that a change breaks nothing but what it is about. */
const MAC = 'darwin-x64/tcpinfo-socket.node'
const MAC_SIGNED = 'darwin-arm64/tcpinfo-socket.node'
const SUMS = 'SHA256SUMS'

/** Of a file's bytes; or, in Python, of what LIEF makes of the file: `b`. */
type Change = ((bytes: Buffer) => Buffer) | string

interface Tampered {
  readonly title: string
  readonly file: string
  readonly change: Change
  /** After "FAIL <file>: ". */
  readonly failures: readonly string[]
}

/** Not installed for the sake of these tests alone: 80 MB. */
const missing = existsSync(path.join(root, '.zig'))
  ? ''
  : ' (skipped: needs the tools that npm run check:prebuilds installs)'

let python: string
let scratch: string

beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'prebuilds-'))
  if (missing) return
  const prebuild = path.join(root, 'scripts/prebuild.mjs')
  python = execFileSync(process.execPath, [prebuild, '--python'], {
    encoding: 'utf8',
  }).trim()
}, 300_000)

afterAll(() => rmSync(scratch, { recursive: true }))

function copy(): string {
  const folder = mkdtempSync(path.join(scratch, 'copy-'))
  cpSync(prebuilds, folder, { recursive: true })
  return folder
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(path.join(folder, name)).isFile())
    .map((name) => name.replaceAll(path.sep, '/'))
}

/** Makes the checksums right, so that nothing is wrong but what a test did. */
function sum(folder: string): void {
  const lines = filesIn(folder)
    .filter((file) => file !== SUMS)
    .map((file) => {
      const bytes = readFileSync(path.join(folder, file))
      return `${createHash('sha256').update(bytes).digest('hex')}  ${file}\n`
    })
  writeFileSync(path.join(folder, SUMS), lines.join(''))
}

function failuresOf(status: number | null, stdout: string): string[] {
  const failures = stdout.match(/(?<=^FAIL ).*/gm) ?? []
  expect(status).toBe(failures.length > 0 ? 1 : 0)
  return failures
}

/** The lines of failure, without that word. */
function failuresIn(folder: string): string[] {
  const { status, stdout, stderr } = spawnSync(python, [checker, folder], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  return failuresOf(status, stdout)
}

/** Runs a program that reads and writes JSON. */
function runPython<T>(program: string, input: unknown): T {
  const output = execFileSync(python, ['-c', program], {
    encoding: 'utf8',
    input: JSON.stringify(input),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  return JSON.parse(output) as T
}

// Each in one process: to load LIEF takes longer than to do all of this.
const CHANGE_ALL = `
import json, sys, lief
from lief.ELF import DynamicEntry, DynamicEntryFlags, Segment
lief.logging.disable()
pe = lief.PE.Builder.config_t()
pe.imports = pe.exports = True
for file, statement in json.load(sys.stdin):
    b = lief.parse(file)
    exec(statement)
    b.write(file, *([pe] if isinstance(b, lief.PE.Binary) else []))
print('null')
`
const CHECK_ALL = `
import contextlib, io, json, runpy, sys
script, folders = json.load(sys.stdin)
results = []
for folder in folders:
    sys.argv = [script, folder]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        try:
            runpy.run_path(script, run_name='__main__')
        except SystemExit as exit:
            results.append([int(exit.code), output.getvalue()])
print(json.dumps(results))
`

/** What the checker says of each case, in a folder where nothing else is wrong. */
function failuresOfAll(cases: readonly Tampered[]): Map<string, string[]> {
  const folders = cases.map(copy)
  const statements: [string, string][] = []
  for (const [index, { file, change }] of cases.entries()) {
    const target = path.join(folders[index] as string, file)
    if (typeof change === 'string') statements.push([target, change])
    else writeFileSync(target, change(readFileSync(target)))
  }
  runPython(CHANGE_ALL, statements)
  folders.forEach(sum)
  const results = runPython<[number, string][]>(CHECK_ALL, [checker, folders])
  expect(results).toHaveLength(cases.length)
  return new Map(
    results.map((result, index) => [
      (cases[index] as Tampered).title,
      failuresOf(...result),
    ]),
  )
}

/** Replaces a text wherever it is, by one that is not longer. */
const text =
  (from: string, to: string): Change =>
  (bytes) => {
    const before = bytes.toString('latin1')
    const after = before.replaceAll(from, to.padEnd(from.length, '\0'))
    expect(after).not.toBe(before)
    expect(after).toHaveLength(before.length)
    return Buffer.from(after, 'latin1')
  }

const append =
  (added: string): Change =>
  (bytes) =>
    Buffer.concat([bytes, Buffer.from(added)])

const grow =
  (size: number): Change =>
  (bytes) =>
    Buffer.concat([bytes], size)

const copyOf = (file: string): Change => {
  return () => readFileSync(path.join(prebuilds, file))
}

/** Overwrites bytes, counted from where some other bytes begin. */
const patch =
  (start: string, offset: number, ...values: number[]): Change =>
  (bytes) => {
    const at = bytes.indexOf(start, 0, 'latin1')
    expect(at).toBeGreaterThanOrEqual(0)
    bytes.set(values, at + offset)
    return bytes
  }

/** A file for several machines, of which there is one. */
const universal: Change = (bytes) => {
  const start = 0x1000
  const header = Buffer.alloc(start)
  // fat_header and fat_arch of macOS's <mach-o/fat.h>, for x86-64.
  const fields = [0xcafebabe, 1, 0x01000007, 3, start, bytes.length, 12]
  for (const [index, field] of fields.entries()) {
    header.writeUInt32BE(field, index * 4)
  }
  return Buffer.concat([header, bytes])
}

const EXPORTS = 'napi_register_module_v1 node_api_module_get_api_version_v1'
const MAC_BEFORE = '___dso_handle __mh_dylib_header'
const MAC_EXPORTS =
  '_napi_register_module_v1 _node_api_module_get_api_version_v1'
const NOT_ALLOWED = 'expected only those of the table, found'
const FLAGS = ['DYNAMIC_BASE', 'HIGH_ENTROPY_VA', 'NX_COMPAT']
const SYSTEM = '/usr/lib/libSystem.B.dylib'

const cases: Tampered[] = [
  {
    title: 'a file of another format',
    file: LINUX,
    change: copyOf(MAC),
    failures: ['format: expected ELF, found MACHO'],
  },
  {
    title: 'a file of no format',
    file: LINUX,
    change: () => Buffer.from('#!/bin/sh\n'),
    failures: ['format: expected ELF, found unreadable'],
  },
  {
    title: 'a file that is too large by one byte',
    file: LINUX,
    change: grow(64_000),
    failures: ['size: expected less than 64000, found 64000'],
  },
  {
    title: 'nothing, in the largest file that may be',
    file: LINUX,
    change: grow(63_999),
    failures: [],
  },
  ...['/home/', '/work', '/tmp', '/root', '/Users/', 'C:\\', '.zig'].map(
    (told) => ({
      title: `the builder’s ${told}`,
      file: MUSL,
      change: append(`\0${told}x/addon.cc\0`),
      failures: [`folders of a builder: expected none, found ${told}`],
    }),
  ),
  {
    title: 'a folder of the builder in UTF-16',
    file: WINDOWS,
    change: append(`\0${[...'d:\\addon.cc'].join('\0')}\0`),
    failures: ['folders of a builder: expected none, found d:\\'],
  },

  {
    title: 'ELF: the other byte order',
    file: LINUX,
    change: patch('\x7fELF', 5, 2),
    failures: ['class: expected ELF64 LSB, found ELF64 MSB'],
  },
  {
    title: 'ELF: a program',
    file: LINUX,
    change: 'b.header.file_type = lief.ELF.Header.FILE_TYPE.EXEC',
    failures: ['type: expected DYN, found EXEC'],
  },
  {
    title: 'ELF: one more export',
    file: LINUX,
    change: "b.add_exported_function(0x1000, 'extra')",
    failures: [`exports: expected ${EXPORTS}, found extra ${EXPORTS}`],
  },
  {
    title: 'ELF: one more library',
    file: LINUX,
    change: "b.add_library('libstdc++.so.6')",
    failures: ['libraries: expected libc.so.6, found libc.so.6 libstdc++.so.6'],
  },
  {
    title: 'ELF: another function of libc',
    file: LINUX,
    change: text('getsockopt', 'setsockopt'),
    failures: [`functions: ${NOT_ALLOWED} setsockopt`],
  },
  {
    title: 'ELF: a function of a newer Node-API',
    file: LINUX,
    change:
      "b.get_dynamic_symbol('napi_throw').name = 'node_api_symbol_for' # of 9",
    failures: [`functions: ${NOT_ALLOWED} node_api_symbol_for`],
  },
  {
    title: 'ELF: a newer glibc',
    file: LINUX,
    change: text('GLIBC_2.2.5', 'GLIBC_2.18'),
    failures: ['glibc: expected at most 2.17, found GLIBC_2.18'],
  },
  {
    title: 'ELF: a glibc without a number',
    file: LINUX,
    change: text('GLIBC_2.2.5', 'GLIBC_PRIVA'),
    failures: ['glibc: expected at most 2.17, found GLIBC_PRIVA'],
  },
  {
    title: 'ELF: glibc in place of musl',
    file: MUSL,
    change: copyOf(LINUX),
    failures: [
      'libraries: expected libc.so, found libc.so.6',
      'symbol versions: expected none, found GLIBC_2.17 GLIBC_2.2.5',
    ],
  },
  {
    title: 'ELF: an executable stack',
    file: LINUX,
    change: 'b.get(Segment.TYPE.GNU_STACK).add(Segment.FLAGS.X)',
    failures: ['flags of the stack: expected 6, found 7'],
  },
  {
    title: 'ELF: a stack of which nothing is said',
    file: LINUX,
    change: 'b.get(Segment.TYPE.GNU_STACK).type = Segment.TYPE.NOTE',
    failures: ['flags of the stack: expected 6, found none'],
  },
  {
    title: 'ELF: tables that stay writable',
    file: LINUX,
    change: 'b.get(Segment.TYPE.GNU_RELRO).type = Segment.TYPE.NOTE',
    failures: ['GNU_RELRO: expected True, found False'],
  },
  {
    title: 'ELF: lazy binding',
    file: LINUX,
    change:
      'b.get(DynamicEntry.TAG.FLAGS).remove(DynamicEntryFlags.FLAG.BIND_NOW)',
    failures: ['BIND_NOW: expected True, found False'],
  },

  {
    title: 'PE: 32 bits',
    file: WINDOWS,
    change: patch('PE\0\0', 24, 0x0b, 0x01),
    failures: expect.arrayContaining(['magic: expected PE32_PLUS, found PE32']),
  },
  {
    title: 'PE: a program',
    file: WINDOWS,
    change:
      'b.header.remove_characteristic(lief.PE.Header.CHARACTERISTICS.DLL)',
    failures: ['type: expected DLL, found none'],
  },
  {
    title: 'PE: one more export',
    file: WINDOWS,
    change: "b.get_export().add_entry('extra', 0x1000)",
    failures: [`exports: expected ${EXPORTS}, found extra ${EXPORTS}`],
  },
  {
    title: 'PE: a function of node.exe',
    file: WINDOWS,
    change: "b.add_import('node.exe').add_entry('napi_throw')",
    failures: [`libraries: ${NOT_ALLOWED} node.exe`],
  },
  {
    title: 'PE: another function of Windows',
    file: WINDOWS,
    change: text('\0listen\0', '\0accept\0'),
    failures: [`functions of WS2_32.dll: ${NOT_ALLOWED} accept`],
  },
  {
    title: 'PE: another function of libuv, looked up',
    file: WINDOWS,
    change: text('uv_has_ref', 'uv_stop'),
    failures: [`functions of Node: ${NOT_ALLOWED} uv_stop`],
  },
  {
    title: 'PE: a function that Node-API does not have, looked up',
    file: WINDOWS,
    change: text('napi_get_property', 'napi_get_propertx'),
    failures: [`functions of Node: ${NOT_ALLOWED} napi_get_propertx`],
  },
  ...FLAGS.map((flag) => ({
    title: `PE: no ${flag}`,
    file: WINDOWS,
    change: `b.optional_header.remove(b.optional_header.DLL_CHARACTERISTICS.${flag})`,
    failures: [
      `protection: expected ${FLAGS.join(' ')}, found ${FLAGS.filter((each) => each !== flag).join(' ')}`,
    ],
  })),
  {
    title: 'PE: no relocations',
    file: WINDOWS,
    // The sixth entry of the directory in the optional header.
    change: patch('PE\0\0', 24 + 112 + 5 * 8, ...Array(8).fill(0)),
    failures: ['relocations: expected True, found False'],
  },
  {
    title: 'PE: a file of debug information',
    file: WINDOWS,
    change: "b.add_debug_info(lief.PE.CodeViewPDB('addon.pdb'))",
    failures: ['debug entries: expected REPRO, found CODEVIEW REPRO'],
  },
  {
    title: 'PE: a timestamp',
    file: WINDOWS,
    change: patch('PE\0\0', 8, 1, 0, 0, 0),
    failures: [
      expect.stringMatching(/^timestamps: expected 0 1, found 0 \d+$/),
    ],
  },

  {
    title: 'Mach-O: a file for several machines',
    file: MAC,
    change: universal,
    failures: ['magic: expected cffaedfe, found cafebabe'],
  },
  {
    title: 'Mach-O: a program',
    file: MAC,
    change: 'b.header.file_type = lief.MachO.Header.FILE_TYPE.EXECUTE',
    failures: [`type: ${NOT_ALLOWED} EXECUTE`],
  },
  {
    title: 'Mach-O: one more export',
    file: MAC,
    change: "b.add_exported_function(0x1000, '_extra')",
    failures: [
      `exports: expected ${MAC_BEFORE} ${MAC_EXPORTS}, found ${MAC_BEFORE} _extra ${MAC_EXPORTS}`,
    ],
  },
  {
    title: 'Mach-O: one more library',
    file: MAC,
    change: "b.add_library('/usr/lib/libc++.1.dylib')",
    failures: [
      `libraries: expected ${SYSTEM}, found ${SYSTEM} /usr/lib/libc++.1.dylib`,
    ],
  },
  {
    title: 'Mach-O: another function of libSystem',
    file: MAC,
    change: text('_getsockopt', '_setsockopt'),
    failures: [`functions: ${NOT_ALLOWED} _setsockopt`],
  },
  {
    title: 'Mach-O: a function that Node-API does not have',
    file: MAC,
    change: text('_napi_throw', '_napi_catch'),
    failures: [`functions: ${NOT_ALLOWED} _napi_catch`],
  },
  {
    title: 'Mach-O: another platform',
    file: MAC,
    change: 'b.build_version.platform = lief.MachO.BuildVersion.PLATFORMS.IOS',
    failures: ['platform: expected MACOS, found IOS'],
  },
  {
    title: 'Mach-O: a newer macOS',
    file: MAC,
    change: 'b.build_version.minos = [12, 0, 0]',
    failures: ['oldest macOS: expected 11.0.0, found 12.0.0'],
  },
  {
    title: 'Mach-O: no platform',
    file: MAC,
    change: 'b.remove(b.build_version)',
    failures: [
      'platform: expected MACOS, found none',
      'oldest macOS: expected 11.0.0, found none',
    ],
  },
  {
    title: 'Mach-O: no signature',
    file: MAC_SIGNED,
    change: 'b.remove_signature()',
    failures: ['signature: expected ad hoc, found none'],
  },
  {
    title: 'Mach-O: a signature of something else',
    file: MAC_SIGNED,
    change: text('readInfo', 'readinfo'),
    failures: ['pages unlike their hash: expected none, found 0'],
  },
  // What follows changes a CodeDirectory: 0xfade0c02 is how it begins.
  {
    title: 'Mach-O: a signature that is not ad hoc',
    file: MAC_SIGNED,
    change: patch('\xfa\xde\x0c\x02', 15, 0),
    failures: ['ad-hoc flag of the signature: expected 2, found 0'],
  },
  {
    title: 'Mach-O: hashes of SHA-1',
    file: MAC_SIGNED,
    change: patch('\xfa\xde\x0c\x02', 37, 1),
    failures: ['kind of hash: expected 2 32, found 1 32'],
  },
  {
    title: 'Mach-O: one hash too few',
    file: MAC_SIGNED,
    change: patch('\xfa\xde\x0c\x02', 31, 3),
    failures: ['signed pages: expected 4, found 3'],
  },
  {
    title: 'Mach-O: bytes without a signature',
    file: MAC_SIGNED,
    change: patch('\xfa\xde\x0c\x02', 32, 0, 0, 0xc0, 0),
    failures: [
      expect.stringMatching(/^signed bytes: expected \d+, found 49152$/),
      'signed pages: expected 3, found 4',
    ],
  },
]

describe.skipIf(missing)(`the checker finds in a file${missing}`, () => {
  let found: Map<string, string[]>

  beforeAll(() => {
    found = failuresOfAll(cases)
  }, 120_000)

  test.each(cases)('$title', ({ title, file, failures }) => {
    const rest = found.get(title)?.map((line) => {
      expect(line.startsWith(`${file}: `)).toBe(true)
      return line.slice(file.length + 2)
    })
    expect(rest).toEqual(failures)
  })
})

test.skipIf(missing)(`the folder as it is has nothing wrong${missing}`, () => {
  expect(failuresIn(prebuilds)).toEqual([])
})

describe.skipIf(missing)(`the checker finds in a folder${missing}`, () => {
  test.each([
    ['win32', 'AMD64', '', []],
    ['linux', 'X86_64', '.musl', []],
    // The file for Intel needs no signature; in the other's place it would.
    ['darwin', 'X86_64', '', ['signature: expected ad hoc, found none']],
  ])('machines that changed places: %s', (platform, x64, libc, more) => {
    const folder = copy()
    const [one, other] = ['x64', 'arm64'].map(
      (arch) => `${platform}-${arch}/tcpinfo-socket${libc}.node`,
    ) as [string, string]
    for (const [from, to] of [
      [one, 'kept'],
      [other, one],
      ['kept', other],
    ] as const) {
      renameSync(path.join(folder, from), path.join(folder, to))
    }
    sum(folder)
    const arm64 = platform === 'linux' ? 'AARCH64' : 'ARM64'
    expect(failuresIn(folder)).toEqual([
      `${one}: machine: expected ${x64}, found ${arm64}`,
      `${other}: machine: expected ${arm64}, found ${x64}`,
      ...more.map((failure) => `${other}: ${failure}`),
    ])
  })

  test('a file that is missing', () => {
    const folder = copy()
    rmSync(path.join(folder, MUSL))
    expect(failuresIn(folder)).toEqual([
      `${MUSL}: file: expected present, found absent`,
    ])
  })

  test('a file that nobody expects', () => {
    const folder = copy()
    cpSync(path.join(folder, MUSL), path.join(folder, 'linux-x64/other.node'))
    expect(failuresIn(folder)).toEqual([
      'linux-x64/other.node: file: expected absent, found present',
    ])
  })

  test('another checksum', () => {
    const folder = copy()
    const file = path.join(folder, MUSL)
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(1)]))
    expect(failuresIn(folder)).toEqual([
      expect.stringMatching(
        `^${MUSL}: checksum: expected [0-9a-f]{64}, found [0-9a-f]{64}$`,
      ),
    ])
  })

  test('a checksum that is missing', () => {
    const folder = copy()
    const file = path.join(folder, SUMS)
    const lines = readFileSync(file, 'utf8').split('\n')
    writeFileSync(file, lines.filter((line) => !line.includes(MUSL)).join('\n'))
    expect(failuresIn(folder)).toEqual([
      expect.stringMatching(`^${SUMS}: files: `),
      expect.stringMatching(`^${MUSL}: checksum: expected none, found `),
    ])
  })

  test('no checksums at all', () => {
    const folder = copy()
    rmSync(path.join(folder, SUMS))
    const failures = failuresIn(folder)
    expect(failures[0]).toBe(`${SUMS}: file: expected present, found absent`)
    expect(failures).toHaveLength(2 + filesIn(folder).length)
  })
})
