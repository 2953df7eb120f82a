import { asObject } from '../../usage/readers.ts';
import type { Imported, ImportContext } from './context.ts';
import { rejected } from './context.ts';
import { inByteOrder } from './go-json.ts';
import {
  JsonError,
  JsonWalker,
  type JsonChoice,
  type JsonKind,
  type JsonPath,
  type JsonVisitor,
} from './json-walker.ts';
import { MAX_LINE_BYTES } from './line.ts';
import { detailEvent } from './snapshot-detail.ts';

/** The endpoints of a snapshot with their models, as they are written. */
export type SnapshotIndex = ReadonlyMap<string, readonly string[]>;

/** Where a value stands below `apis`: the endpoint, `models`, the model, `details`, the number; null outside. */
type Inside = ReadonlyArray<string | number>;

abstract class SnapshotVisitor implements JsonVisitor {
  readonly #prefix: readonly string[];

  constructor(isPayload: boolean) {
    this.#prefix = isPayload ? ['apis'] : ['usage', 'apis'];
  }

  enter(path: JsonPath, kind: JsonKind): JsonChoice {
    const depth = Math.min(path.length, this.#prefix.length);
    for (let at = 0; at < depth; at += 1) if (path[at] !== this.#prefix[at]) return 'skip';
    if (path.length < this.#prefix.length) return 'descend';
    if (path.length === this.#prefix.length) return this.root(kind);
    return this.inside(this.below(path), kind);
  }

  protected below(path: JsonPath): Inside {
    return path.slice(this.#prefix.length);
  }

  protected isInside(path: JsonPath): boolean {
    return path.length > this.#prefix.length;
  }

  protected abstract root(kind: JsonKind): JsonChoice;
  protected abstract inside(path: Inside, kind: JsonKind): JsonChoice;
}

/** First pass: what endpoints and models there are. Ids of requests without one depend on their order. */
export class SnapshotIndexer extends SnapshotVisitor {
  readonly index = new Map<string, string[]>();
  readonly #walker = new JsonWalker(this, 0);
  #roots = 0;

  push(chunk: Buffer): void {
    this.#walker.push(chunk);
  }

  /** Throws {@link JsonError}. */
  end(): void {
    this.#walker.end();
  }

  protected root(kind: JsonKind): JsonChoice {
    this.#roots += 1;
    if (this.#roots > 1) throw duplicate('apis');
    return kind === 'object' ? 'descend' : 'skip';
  }

  protected inside([endpoint = '', models, model]: Inside, kind: JsonKind): JsonChoice {
    const name = String(endpoint);
    if (models === undefined) {
      if (this.index.has(name)) throw duplicate(name);
      this.index.set(name, []);
      return 'descend';
    }
    if (models !== 'models') return 'skip';
    if (model === undefined) return kind === 'object' ? 'descend' : 'skip';
    const known = this.index.get(name) ?? [];
    if (known.includes(String(model))) throw duplicate(String(model));
    known.push(String(model));
    return 'skip';
  }
}

function duplicate(name: string): JsonError {
  return new JsonError(
    `usage import legacy object contains duplicate structural key ${JSON.stringify(name.slice(0, 100))}`,
  );
}

export interface SnapshotSink {
  event(imported: Imported, text: string | null, where: string): void;
}

/** Second pass: the requests, one by one. */
export class SnapshotReader extends SnapshotVisitor {
  /** Models without a list of requests. */
  unsupported = 0;
  readonly #walker = new JsonWalker(this, MAX_LINE_BYTES);
  readonly #sink: SnapshotSink;
  readonly #context: ImportContext;
  readonly #ranks: ReadonlyMap<
    string,
    { readonly rank: number; readonly models: ReadonlyMap<string, number> }
  >;
  #hasModels = false;
  #details = 0;

  constructor(isPayload: boolean, index: SnapshotIndex, sink: SnapshotSink, context: ImportContext) {
    super(isPayload);
    this.#sink = sink;
    this.#context = context;
    const endpoints = ranked([...index.keys()]);
    this.#ranks = new Map(
      [...index].map(([name, models]) => [name, { rank: endpoints.get(name) ?? 0, models: ranked(models) }]),
    );
  }

  push(chunk: Buffer): void {
    this.#walker.push(chunk);
  }

  end(): void {
    this.#walker.end();
  }

  protected root(kind: JsonKind): JsonChoice {
    return kind === 'object' ? 'descend' : 'skip';
  }

  protected inside(path: Inside, kind: JsonKind): JsonChoice {
    const [endpoint = '', models, model, details, index] = path;
    if (models === undefined) {
      this.#hasModels = false;
      if (kind !== 'object') this.#reject('an endpoint is no object', String(endpoint));
      return kind === 'object' ? 'descend' : 'skip';
    }
    if (models !== 'models') return 'skip';
    if (model === undefined) {
      this.#hasModels = kind === 'object';
      return kind === 'object' ? 'descend' : 'skip';
    }
    if (details === undefined) {
      this.#details = 0;
      if (kind !== 'object') this.#reject('a model is no object', `${endpoint} / ${model}`);
      return kind === 'object' ? 'descend' : 'skip';
    }
    if (details !== 'details') return 'skip';
    if (index === undefined) return kind === 'array' ? 'descend' : 'skip';
    return 'capture';
  }

  leave(path: JsonPath): void {
    if (!this.isInside(path)) return;
    const inside = this.below(path);
    const [endpoint = ''] = inside;
    if (inside.length === 1 && !this.#hasModels) this.#reject('an endpoint has no models', String(endpoint));
    if (inside.length === 3 && inside[1] === 'models' && this.#details === 0) this.unsupported += 1;
  }

  captured(path: JsonPath, bytes: Buffer): void {
    const [endpoint = '', , model = '', , index = 0] = this.below(path);
    this.#details += 1;
    const written = bytes.toString('utf8');
    const where = `${endpoint} / ${model} / request ${Number(index) + 1}`;
    const ranks = this.#ranks.get(String(endpoint));
    this.#sink.event(
      this.#read(written, {
        endpoint: String(endpoint),
        model: String(model),
        endpointRank: ranks?.rank ?? 0,
        modelRank: ranks?.models.get(String(model)) ?? 0,
        index: Number(index),
      }),
      written,
      where,
    );
  }

  #read(written: string, place: Parameters<typeof detailEvent>[1]): Imported {
    try {
      const detail = asObject(JSON.parse(written));
      return detail === null ? rejected('it is no JSON object') : detailEvent(detail, place, this.#context);
    } catch {
      return rejected('it is not JSON');
    }
  }

  #reject(reason: string, where: string): void {
    this.#sink.event(rejected(reason), null, where);
  }
}

function ranked(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(inByteOrder(names).map((name, at) => [name, at + 1]));
}
