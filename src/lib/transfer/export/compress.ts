import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip, createZstdCompress } from 'node:zlib';

export type Compression = 'gzip' | 'zstd';

const CHUNK_BYTES = 64 * 1024;

/** The same bytes packed. What is wrong with the source is thrown here too; who stops reading stops the source. */
export async function* compressed(
  chunks: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = Readable.from(chunks, { objectMode: false });
  const packer = packerOf(compression);
  const done = pipeline(source, packer);
  // The one that reads learns of it as well.
  done.catch(() => {});
  try {
    for await (const chunk of packer) yield Buffer.from(chunk);
    await done;
  } finally {
    source.destroy();
    packer.destroy();
  }
}

function packerOf(compression: Compression): Transform {
  if (compression === 'gzip') return createGzip({ chunkSize: CHUNK_BYTES });
  return createZstdCompress({ chunkSize: CHUNK_BYTES, params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}
