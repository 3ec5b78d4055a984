/**
 * Room for the kernel to write into. One slab serves many reads, so that a read
 * allocates nothing; a slab lives as long as anything written to it is kept,
 * which is why it is small.
 */

const SLAB_BYTES = 16_384

/** For the addon and for the decoders. */
export class Slab {
  readonly bytes = new ArrayBuffer(SLAB_BYTES)
  // The type is written out: inferred, it would be generic, which TypeScript before
  // 5.7 does not know, in the declarations of the package.
  readonly words: Uint32Array = new Uint32Array(this.bytes)

  wordsAt(): Uint32Array {
    return this.words
  }

  /** The number of 64 bits there, if a double can have it. */
  numberAt(at: number): number {
    const first = at >> 2
    const low = this.words[first] as number
    const high = this.words[first + 1] as number
    return low + high * 0x1_0000_0000
  }
}

export class BytePool {
  slab!: Slab
  /** Where in the slab the next bytes go, a multiple of 8. */
  at = SLAB_BYTES

  /** Makes sure that at least `needed` bytes are free from `at` on. */
  reserve(needed: number): void {
    if (this.at + needed <= SLAB_BYTES) return
    this.slab = new Slab()
    this.at = 0
  }

  /** Takes what was written, so that the next reserve leaves it alone. */
  keep(length: number): void {
    this.at += (length + 7) & ~7
  }
}
