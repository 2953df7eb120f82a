import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/**
 * Cross-origin access for tools that send the admin key as Bearer, on the documented routes only. Never with
 * credentials, so a page elsewhere can use no cookie of ours. An empty list switches it off. OPTIONS on any path that
 * has no answer of its own is 204, as older clients know it.
 */
export async function registerCors(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) {
    app.options('*', { schema: { hide: true } }, (_request, reply) => reply.code(204).send());
    return;
  }
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    allowedHeaders: ['Authorization', 'Content-Type'],
    credentials: false,
    strictPreflight: false,
    optionsSuccessStatus: 204,
    hideOptionsRoute: true,
  });
}
