import swagger from '@fastify/swagger';
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { AdminGuard } from './admin-guard.ts';

const TAGS = [
  { name: 'daemon', description: 'What runs here and how it is doing', at: /^\/(health|status)\b/ },
  { name: 'plugins', description: 'Plugins of CLIProxyAPI, forwarded', at: /^\/v0\/resource\// },
  { name: 'models', description: 'Models of CLIProxyAPI, for client keys', at: /^(\/v1)?\/models\b/ },
  { name: 'gateway', description: 'Everything else of CLIProxyAPI, forwarded', at: /^\/v0\/management\/\*$/ },
  { name: 'usage', description: 'What was recorded', at: /^\/v0\/management\// },
  { name: 'service', description: 'Logging in, setup and configuration', at: /^\// },
] as const;

const LOGIN = [{ bearer: [] }, { session: [] }] as const;

/** Describes every route that is not hidden: its family, and whether it asks for a login. */
export async function registerOpenApi(
  app: FastifyInstance,
  version: string,
  guard: AdminGuard,
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'cpamp', version },
      tags: TAGS.map(({ name, description }) => ({ name, description })),
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'The admin key.' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: 'cpamp_session',
            description:
              'Given by POST /usage-service/session; 8 hex digits of the database follow its name. Only for pages from here.',
          },
          clientKey: { type: 'http', scheme: 'bearer', description: 'A client key of CLIProxyAPI.' },
        },
      },
    },
    transform: ({ schema, url, route }) => {
      const tag = TAGS.find(({ at }) => at.test(url))?.name ?? 'service';
      const security =
        tag === 'models' ? [{ clientKey: [] }] : asksFor(guard, route) ? [...LOGIN] : ([] as const);
      return { schema: { tags: [tag], security: [...security], ...schema }, url };
    },
  });
}

function asksFor(guard: AdminGuard, { onRequest = [] }: RouteOptions): boolean {
  return [onRequest].flat().some((hook) => hook === guard);
}
