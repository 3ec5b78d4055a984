export interface Scenario {
  readonly name: string
  /** Final records, or the code of the error, or that it throws. */
  readonly final: number | string
  /** The state in the last record. */
  readonly state?: string
  /** Whether the record comes after the first 'close'. */
  readonly isLate?: boolean
  /** Whether it waits for seconds until the system gives up. */
  readonly isSlow?: boolean
  /** Which majors of Node the scenario is for. */
  readonly nodes?: (major: number) => boolean
  /** Which platforms, if not all. */
  readonly platforms?: readonly string[]
}
export const scenarios: readonly Scenario[]
