import { open, type FileHandle } from 'node:fs/promises';

/** What was received does not have the length that it should have; the file is as it was. */
export class WrongLength extends Error {}

/**
 * Writes a stream into a file behind `offset` bytes of it; the file is made (0600) where `offset` is 0. Resolves with the
 * number of bytes. When the stream breaks, is longer than `most` or not `expected` bytes long, the file is cut back to
 * `offset`.
 */
export async function receive(
  stream: AsyncIterable<Uint8Array>,
  path: string,
  offset: number,
  most: number,
  expected: number | null,
): Promise<number> {
  const file = await open(path, offset === 0 ? 'w' : 'r+', 0o600);
  let length = 0;
  try {
    for await (const chunk of stream) {
      length += chunk.length;
      if (length > most) throw new WrongLength('too long');
      await writeAll(file, chunk, offset + length - chunk.length);
    }
    if (expected !== null && length !== expected) throw new WrongLength('broken off');
    await file.datasync();
    return length;
  } catch (error) {
    await file.truncate(offset).catch(() => {});
    throw error;
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    const { bytesWritten } = await file.write(chunk, written, chunk.length - written, position + written);
    written += bytesWritten;
  }
}
