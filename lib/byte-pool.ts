/**
 * Room for the kernel to write into. One slab serves many reads, so that a read
 * allocates nothing; a slab lives as long as anything written to it is kept,
 * which is why it is small.
 */

const SLAB_BYTES = 16_384

export class BytePool {
  /** One slab, for the addon and for the decoders. */
  bytes!: ArrayBuffer
  words!: Uint32Array
  /** Where in the slab the next bytes go, a multiple of 8. */
  at = SLAB_BYTES

  /** Makes sure that at least `needed` bytes are free from `at` on. */
  reserve(needed: number): void {
    if (this.at + needed <= SLAB_BYTES) return
    this.bytes = new ArrayBuffer(SLAB_BYTES)
    this.words = new Uint32Array(this.bytes)
    this.at = 0
  }

  /** Takes what was written, so that the next reserve leaves it alone. */
  keep(length: number): void {
    this.at += (length + 7) & ~7
  }
}
