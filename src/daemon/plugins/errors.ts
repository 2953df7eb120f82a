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

/** Answers a failure with the documented body, and keeps what is not meant for people in the log. */
export function answerError(
  error: FastifyError | AppError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const known = error instanceof AppError ? error : translate(error);
  if (known.code === 'internal') request.log.error({ err: error }, 'request failed');
  // What the route said of its own answer does not hold for this one.
  reply.removeHeader('content-disposition').type('application/json; charset=utf-8');
  void reply.code(known.status).headers(known.headers).send(errorBody(known));
}

export function registerErrors(app: FastifyInstance): void {
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((_request, reply) =>
    reply.code(ERRORS.not_found.status).send(errorBody(new AppError('not_found'))),
  );
}

/** Fastify's own errors, in our words. */
function translate(error: FastifyError): AppError {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new AppError('body_too_large', { cause: error });
  const { statusCode: status = 500, message } = error;
  if (status < 400 || status > 499) return new AppError('internal', { cause: error });
  return new AppError('invalid_request', { detail: message, status, cause: error });
}
