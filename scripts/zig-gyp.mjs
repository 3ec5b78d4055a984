#!/usr/bin/env node
// Stands in for node-gyp when prebuildify calls it: compiles the sources that
// native/binding.gyp names for the wanted platform, with zig, which brings the
// headers and libraries of every target along. Into build/Release, as node-gyp.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'

const { PREBUILD_PLATFORM, PREBUILD_ARCH, PREBUILD_LIBC, TCPINFO_PYTHON } =
  process.env
const [target] = JSON.parse(readFileSync('binding.gyp', 'utf8')).targets

const arch = { x64: 'x86_64', arm64: 'aarch64' }[PREBUILD_ARCH]
// The name of the output stands inside it, and nothing of the builder's machine.
const platforms = {
  // glibc of 2012 (CentOS 7), as old as any that runs a Node of today.
  linux: {
    gyp: "OS=='linux'",
    triple: PREBUILD_LIBC === 'musl' ? 'linux-musl' : 'linux-gnu.2.17',
    compile: ['-fPIC'],
    link: ['-s', '-Wl,--gc-sections', '-Wl,-soname,tcpinfo-socket.node'],
  },
  darwin: {
    gyp: "OS=='mac'",
    triple: 'macos.11.0',
    compile: ['-fPIC'],
    link: [
      ...['-Wl,-undefined,dynamic_lookup', '-Wl,-dead_strip', '-Wl,-x'],
      '-Wl,-install_name,@rpath/tcpinfo-socket.node',
    ],
  },
  win32: {
    gyp: "OS=='win'",
    triple: 'windows-gnu',
    compile: ['-DNAPI_EXTERN=__declspec(dllimport)'],
    // Without the start files, since there is nothing to be set up before
    // DllMain.
    link: [
      ...['-s', '-Wl,--gc-sections', '-nostartfiles', '-Wl,-e,DllMain'],
      '-lws2_32',
    ],
  },
}
const { gyp, triple, compile, link } = platforms[PREBUILD_PLATFORM]

const sources = [
  ...target.sources,
  ...target.conditions
    .filter(([condition]) => condition === gyp)
    .flatMap(([, { sources }]) => sources),
]
// Relative, like the sources: no folder of this machine in the output.
const modules = '../node_modules'
const common = ['-target', `${arch}-${triple}`, '-Os', '-g0']
const zig = (...args) =>
  execFileSync(TCPINFO_PYTHON, ['-m', 'ziglang', ...args], { stdio: 'inherit' })

rmSync('build', { recursive: true, force: true })
mkdirSync('build/Release', { recursive: true })
const objects = sources.map((source) => {
  const object = `build/${path.parse(source).name}.o`
  zig(
    ...['c++', ...common, ...target.cflags, ...target.cflags_cc, ...compile],
    ...['-ffunction-sections', '-fdata-sections', '-fno-unwind-tables'],
    '-fno-asynchronous-unwind-tables',
    // The one for symbols does not reach them.
    '-fvisibility-global-new-delete=force-hidden',
    ...target.defines.map((each) => `-D${each}`),
    `-I${modules}/node-addon-api`,
    `-I${modules}/node-api-headers/include`,
    ...['-c', source, '-o', object],
  )
  return object
})
// Linked as C: with c++ the C++ runtime would come with it, unused, ten times
// the size of the rest.
const output = 'build/Release/tcpinfo-socket.node'
zig('cc', ...common, '-shared', ...link, '-o', output, ...objects)
