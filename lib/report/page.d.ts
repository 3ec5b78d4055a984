/** Made by scripts/report-page.ts out of the folder page. */
declare module 'virtual:report-page' {
  export const SCRIPT: string
  export const STYLE: string
}
