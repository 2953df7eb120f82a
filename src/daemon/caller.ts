/** Who a request comes from, once a guard has let it through. */
export interface Caller {
  /** `bearer` sent the admin key itself, `session` the cookie that was given for it. */
  readonly kind: 'bearer' | 'session';
  /**
   * Aborts when that login ends while the request still runs: by logout, when the session expires, when the admin key
   * is replaced. Answers that go on for long, such as a stream, end with it.
   */
  readonly ended: AbortSignal;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null on routes without a guard. */
    caller: Caller | null;
  }
}
