import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { darwin } from '../../lib/decode/darwin.js'
import type { NativeField } from '../../lib/decode/fields.js'
import { linux } from '../../lib/decode/linux.js'

const native = path.join(__dirname, '../../native')

/** What the compiler is made to check, as rows. */
function pinsOf(file: string) {
  const source = readFileSync(path.join(native, file), 'utf8')
  const pin = /TCPINFO_PIN\(\s*([\w:]+)\s*,\s*(\w+)\s*,\s*(\w+)\s*\)\s*;/g
  const pins = [...source.matchAll(pin)].map(([, type, name, offset]) => ({
    type,
    name,
    offset: Number(offset),
  }))
  // None may hide from the pattern above.
  expect(pins).toHaveLength(source.split('TCPINFO_PIN').length - 1)
  return pins
}

const row = ({ name, offset }: { name?: string | undefined; offset: number }) =>
  `${name} at ${offset}`

/** A bit field has no offset; what one release alone has is in few headers. */
const canBePinned = (field: NativeField): boolean =>
  !field.bits && !field.layoutOf

describe.each([
  { file: 'linux.cc', type: '::tcp_info', layout: linux, atLeast: 60 },
  {
    file: 'darwin.cc',
    type: '::tcp_connection_info',
    layout: darwin,
    atLeast: 22,
  },
])('$file', ({ file, type, layout, atLeast }) => {
  test('pins every member of the table that has an offset', () => {
    const pins = pinsOf(file)
    expect(pins.length).toBeGreaterThanOrEqual(atLeast)
    expect(pins.map(row).sort()).toEqual(
      layout.native.filter(canBePinned).map(row).sort(),
    )
  })

  test('pins each once, in the struct of this OS', () => {
    const pins = pinsOf(file)
    expect(new Set(pins.map(({ name }) => name)).size).toBe(pins.length)
    expect(new Set(pins.map((pin) => pin.type))).toEqual(new Set([type]))
  })
})

const noCompiler = spawnSync('c++', ['--version']).status !== 0
const title = 'a pin'

describe.skipIf(noCompiler)(
  noCompiler ? `${title} (skipped: needs a C++ compiler)` : title,
  () => {
    const compile = (pin: string) =>
      spawnSync(
        'c++',
        ['-std=c++17', '-fsyntax-only', `-I${native}`, '-xc++', '-'],
        {
          input: `#include "tcp_info.h"
            struct kernel { int first; char second; long third; };
            ${pin};`,
          encoding: 'utf8',
        },
      )

    test.each([
      ['TCPINFO_PIN(::kernel, first, 0)', 'holds'],
      ['TCPINFO_PIN(::kernel, second, 4)', 'holds'],
      ['TCPINFO_PIN(::kernel, not_there_yet, 4)', 'passes'],
    ])('%s %s', (pin) => {
      expect(compile(pin)).toMatchObject({ status: 0, stderr: '' })
    })

    test('at the wrong offset stops the build, with its name', () => {
      const { status, stderr } = compile('TCPINFO_PIN(::kernel, second, 5)')
      expect(status).not.toBe(0)
      expect(stderr).toContain('second is not at offset 5')
    })
  },
)
