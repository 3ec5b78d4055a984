/** How `tcpinfo run` tells recorder.ts, in another process, what to do. */

export interface Recording {
  /** Where each process puts a file of its own. */
  readonly folder: string
  /** Time between two samples of a connection; 0 for none. */
  readonly intervalMs: number
}

const VARIABLE = 'TCPINFO_SOCKET_RECORD'

export const RECORDING = {
  /** The environment for a program that is to be recorded. */
  into(env: NodeJS.ProcessEnv, recording: Recording, preload: string) {
    // Not --import, which has Node load every main program as an ES module would
    // be. In its quotes NODE_OPTIONS knows these two escapes and no other
    // (ParseNodeOptionsEnvVar, src/node_options.cc).
    const preloading = `--require "${preload.replace(/[\\"]/g, '\\$&')}"`
    const options = `${preloading} ${env.NODE_OPTIONS ?? ''}`
    return {
      ...env,
      NODE_OPTIONS: options.trimEnd(),
      [VARIABLE]: JSON.stringify(recording),
    }
  },

  from(env: NodeJS.ProcessEnv): Recording | undefined {
    try {
      return JSON.parse(env[VARIABLE] ?? 'null') ?? undefined
    } catch {
      return undefined
    }
  },
}
