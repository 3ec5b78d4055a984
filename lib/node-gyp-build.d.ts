declare module 'node-gyp-build' {
  export default function load(directory: string): unknown
}
