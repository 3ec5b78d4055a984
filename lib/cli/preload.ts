/**
 * What `tcpinfo run` preloads into each Node that the program starts, older ones too:
 * in their JavaScript, it loads recorder.ts where that can run.
 */

declare const require: (file: string) => unknown

/** As package.json has it. */
const OLDEST = 20

if (Number.parseInt(process.versions.node, 10) >= OLDEST) {
  try {
    require('./recorder.cjs')
  } catch (_) {
    // What can't be recorded runs all the same.
  }
}
