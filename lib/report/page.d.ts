/** The module that scripts/report-page.ts makes out of the folder page. */
declare module 'virtual:report-page' {
  export const SCRIPT: string
  export const STYLE: string
}
