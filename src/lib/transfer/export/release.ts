/**
 * Gives the memory of a chunk of an export back at once: it lies outside of the heap, and V8 lets some 50 MiB of such chunks
 * pile up before it looks. Nobody may use the chunk afterwards. One that shares its memory is let be.
 */
export function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}
