import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { UsageImportSession } from '../../lib/contract/api/usage-import.ts';
import { AppError } from '../../lib/errors.ts';
import type { FileImport } from '../../lib/transfer/import/import-file.ts';
import { importResult } from '../imports/import-result.ts';
import type { ImportSessions, NewSession } from '../imports/import-sessions.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import { errorBody } from '../plugins/errors.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';
import { bodyObject, type JsonObject } from './request-body.ts';

const DIRECT = '/v0/management/usage/import';
const SESSIONS = '/v0/management/usage/import-sessions';
const CREATE_LIMIT = 64 * 1024;
const CREATE_FIELDS: ReadonlySet<string> = new Set(['filename', 'size_bytes', 'resume_key']);

type OfSession = { Params: { id: string } };

/** Imports: a whole file as the body, or one that is uploaded in chunks. */
export async function usageImportRoutes(
  app: FastifyInstance,
  context: DaemonContext,
  guard: AdminGuard,
): Promise<void> {
  const sessions = (): ImportSessions => context.services().imports.sessions;
  app.post(
    SESSIONS,
    { onRequest: guard, bodyLimit: CREATE_LIMIT, schema: { summary: 'Begin to upload a file to import' } },
    async (request, reply) => {
      const session = await sessions().create(newSession(bodyObject(request.body)));
      return reply.code(201).send(session);
    },
  );
  onlyMethods(app, SESSIONS, ['POST'], guard);

  const one = `${SESSIONS}/:id`;
  app.get<OfSession>(one, { onRequest: guard, schema: { summary: 'How far an upload is' } }, ({ params }) =>
    sessions().get(params.id),
  );
  app.delete<OfSession>(
    one,
    { onRequest: guard, schema: { summary: 'End an upload or its import' } },
    async ({ params }, reply) => {
      const session = await sessions().cancel(params.id);
      return reply.code(session.status === 'processing' ? 202 : 200).send(session);
    },
  );
  onlyMethods(app, one, ['GET', 'HEAD', 'DELETE'], guard);

  const complete = `${one}/complete`;
  app.post<OfSession>(
    complete,
    { onRequest: guard, schema: { summary: 'Import what was uploaded' } },
    async ({ params }, reply) => {
      const session = await sessions().complete(params.id);
      return reply.code(session.status === 'completed' ? 200 : 202).send(session);
    },
  );
  onlyMethods(app, complete, ['POST'], guard);

  // Bodies of these are files.
  await app.register(async (raw) => {
    raw.removeAllContentTypeParsers();
    raw.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    raw.post(DIRECT, { onRequest: guard, schema: { summary: 'Import the body' } }, async (request, reply) => {
      const done = await context.services().imports.direct(bodyStream(request), contentLength(request));
      return answerImport(done, reply);
    });
    onlyMethods(raw, DIRECT, ['POST'], guard);

    const chunk = `${one}/chunk`;
    raw.put<OfSession & { Querystring: Record<string, unknown> }>(
      chunk,
      { onRequest: guard, schema: { summary: 'Upload the next bytes of a file' } },
      (request): Promise<UsageImportSession> =>
        sessions().chunk(
          request.params.id,
          offsetOf(request.query),
          bodyStream(request),
          contentLength(request),
        ),
    );
    onlyMethods(raw, chunk, ['PUT'], guard);
  });
}

function newSession(body: JsonObject): NewSession {
  const unknown = Object.keys(body).find((name) => !CREATE_FIELDS.has(name));
  const { filename, size_bytes: sizeBytes, resume_key: resumeKey } = body;
  if (unknown !== undefined) {
    throw new AppError('request_failed', {
      detail: `unknown field ${JSON.stringify(unknown.slice(0, 100))}`,
    });
  }
  if (filename !== undefined && filename !== null && typeof filename !== 'string') {
    throw new AppError('request_failed', { detail: 'filename must be a text' });
  }
  if (sizeBytes !== undefined && typeof sizeBytes !== 'number') {
    throw new AppError('request_failed', { detail: 'size_bytes must be a number' });
  }
  if (resumeKey !== undefined && resumeKey !== null && typeof resumeKey !== 'string') {
    throw new AppError('request_failed', { detail: 'resume_key must be a text' });
  }
  return {
    filename: filename ?? '',
    sizeBytes: sizeBytes ?? 0,
    resumeKey: resumeKey === undefined || resumeKey === null || resumeKey === '' ? null : resumeKey,
  };
}

function offsetOf(query: Record<string, unknown>): number {
  const { offset } = query;
  if (typeof offset === 'string' && /^\d{1,15}$/.test(offset)) return Number(offset);
  throw new AppError('request_failed', { detail: 'usage import chunk offset is invalid' });
}

function bodyStream({ body }: FastifyRequest): AsyncIterable<Uint8Array> {
  return body instanceof Readable ? body : Readable.from([]);
}

function contentLength({ headers }: FastifyRequest): number | null {
  const length = headers['content-length'];
  return length === undefined ? null : Number(length);
}

/** What was refused is told with what was counted, as older clients know it. */
function answerImport(done: FileImport, reply: FastifyReply): FastifyReply {
  const result = importResult(done);
  const error = done.storeError ?? done.error;
  if (error === null) return reply.send(result);
  const stored = result.added + result.skipped > 0;
  if (done.storeError !== null || stored) {
    const status = done.storeError === null ? 500 : error.status;
    return reply.code(status).send({ ...errorBody(error), ...result });
  }
  const { failed, format, unsupported, warnings } = result;
  return reply.code(400).send({ ...errorBody(error), failed, format, unsupported, warnings });
}
