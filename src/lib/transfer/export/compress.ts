import type { Transform } from 'node:stream';
import { constants, createGzip, createZstdCompress } from 'node:zlib';
import { release } from './release.ts';

export type Compression = 'gzip' | 'zstd';

const CHUNK_BYTES = 64 * 1024;

/**
 * The same bytes packed; the memory of `chunks` is given back. What is wrong with their source is thrown here too, and who
 * stops reading stops it.
 */
export async function* compressed(
  chunks: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array, void, undefined> {
  const packer = packerOf(compression);
  const pumped = pump(chunks, packer);
  try {
    for await (const chunk of packer) {
      const bytes: Uint8Array = chunk;
      yield bytes;
    }
  } finally {
    packer.destroy();
    await pumped;
  }
}

/** Never rejects: what is wrong ends the packer, and so becomes known to who reads from it. */
async function pump(chunks: AsyncIterable<Uint8Array>, packer: Transform): Promise<void> {
  try {
    for await (const chunk of chunks) {
      await new Promise<void>((resolve, reject) => {
        packer.write(chunk, (error) => (error ? reject(error) : resolve()));
      });
      release(chunk);
    }
    packer.end();
  } catch (error) {
    packer.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function packerOf(compression: Compression): Transform {
  if (compression === 'gzip') return createGzip({ chunkSize: CHUNK_BYTES });
  return createZstdCompress({ chunkSize: CHUNK_BYTES, params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}
