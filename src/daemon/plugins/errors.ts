import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, ERRORS } from '../../lib/errors.ts';

/** Body of every failed request. `code` and `error` are what older clients read; `hint` says what to do. */
export interface ErrorBody {
  readonly code: string;
  readonly error: string;
  readonly hint?: string;
}

export function errorBody(error: AppError): ErrorBody {
  return { code: error.code, error: error.message, ...(error.hint ? { hint: error.hint } : {}) };
}

/** Turns every failure into the documented body, and keeps what is not meant for people in the log. */
export function registerErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | AppError, request: FastifyRequest, reply: FastifyReply) => {
    const known = error instanceof AppError ? error : translate(error);
    if (known.code === 'internal') request.log.error({ err: error }, 'request failed');
    return reply.code(known.status).headers(known.headers).send(errorBody(known));
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(ERRORS.not_found.status).send(errorBody(new AppError('not_found'))),
  );
}

/** Fastify's own errors, in our words. */
function translate(error: FastifyError): AppError {
  if (error.validation) return new AppError('invalid_request', { detail: error.message, cause: error });
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('body_too_large', { cause: error });
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new AppError('request_failed', { detail: 'EOF', cause: error });
    default:
  }
  if (error instanceof SyntaxError || error.statusCode === 400) {
    return new AppError('request_failed', { detail: error.message, cause: error });
  }
  return new AppError('internal', { cause: error });
}
