import type { FastifyInstance } from 'fastify';
import { AppError } from '../../lib/errors.ts';
import { keyHashOrNull, parseKeyAlias, parseKeyHash } from '../../lib/usage/aliases.ts';
import type { AliasChange } from '../../lib/store/alias-store.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';
import { answerFromReader } from './reader-answer.ts';
import { bodyObject, Fields } from './request-body.ts';

const URL = '/v0/management/api-key-aliases';

/** Names of client keys. Keys themselves never come here: clients send their hashes. */
export function apiKeyAliasesRoutes(app: FastifyInstance, context: DaemonContext, guard: AdminGuard): void {
  const list = { kind: 'aliases', params: null } as const;
  app.get(URL, { onRequest: guard, schema: { summary: 'Names of client keys' } }, (_request, reply) =>
    answerFromReader(context.services().reader, reply, list),
  );
  app.put(URL, { onRequest: guard, schema: { summary: 'Name client keys' } }, async (request, reply) => {
    const services = context.services();
    const keys = (): Promise<readonly string[]> => services.clientKeys();
    await services.desk.changeAliases(await changeOf(request.body, context.clock.now(), keys));
    return answerFromReader(services.reader, reply, list);
  });
  onlyMethods(app, URL, ['GET', 'HEAD', 'PUT'], guard);

  app.delete<{ Params: { hash: string } }>(
    `${URL}/:hash`,
    { onRequest: guard, schema: { summary: 'Take the name of a client key away' } },
    async (request) => {
      const hash = parseKeyHash(request.params.hash);
      await context.services().desk.changeAliases({ kind: 'remove', hash });
      return { ok: true };
    },
  );
  onlyMethods(app, `${URL}/:hash`, ['DELETE'], guard);
}

async function changeOf(
  body: unknown,
  nowMs: number,
  clientKeys: () => Promise<readonly string[]>,
): Promise<AliasChange> {
  const fields = new Fields(bodyObject(body));
  const items = fields.list('items');
  if (items === undefined) throw new AppError('api_key_aliases_required');
  const parsed = items.map((item) => parseKeyAlias(item, nowMs));
  if (fields.flag('allowOrphanAliasCleanup') !== true) return { kind: 'put', items: parsed, active: null };
  const given = (fields.list('activeApiKeyHashes') ?? []).flatMap((hash) => keyHashOrNull(hash) ?? []);
  // Who does not say which keys there are leaves it to the gateway.
  return { kind: 'put', items: parsed, active: given.length > 0 ? given : await clientKeys() };
}
