/** What waits for its turn: samples that are kept, or that nobody has taken out yet. */

/** Of items that an iterator has not been asked for. */
const MAX_BACKLOG = 65_536

/** First in, first out. (Array.shift moves all the others, each time.) */
export class Fifo<T> {
  readonly #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    // When they are half of it: no item is moved more than once on average.
    if (this.#head >= this.length) {
      this.#items.splice(0, this.#head)
      this.#head = 0
    }
    return item
  }

  clear(): void {
    this.#items.length = 0
    this.#head = 0
  }

  toArray(): T[] {
    return this.#items.slice(this.#head) as T[]
  }
}

/** Items on their way to somebody who iterates. */
export class Queue<T> implements AsyncIterableIterator<T> {
  readonly #items = new Fifo<T>()
  readonly #waiting = new Fifo<(result: IteratorResult<T>) => void>()
  readonly #onReturn: () => void
  #ended = false

  constructor(onReturn: () => void) {
    this.#onReturn = onReturn
  }

  /** False when there is no room. */
  push(item: T): boolean {
    const resolve = this.#waiting.shift()
    if (resolve) resolve({ value: item, done: false })
    else if (this.#items.length >= MAX_BACKLOG) return false
    else this.#items.push(item)
    return true
  }

  end(): void {
    this.#ended = true
    for (const resolve of this.#waiting.toArray()) resolve(OVER)
    this.#waiting.clear()
  }

  next(): Promise<IteratorResult<T>> {
    const item = this.#items.shift()
    if (item !== undefined) return Promise.resolve({ value: item, done: false })
    if (this.#ended) return Promise.resolve(OVER)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  return(): Promise<IteratorResult<T>> {
    this.#items.clear()
    this.end()
    this.#onReturn()
    return Promise.resolve(OVER)
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

const OVER = { value: undefined, done: true } as const
