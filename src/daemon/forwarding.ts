import type { EffectiveConfig } from '../lib/config/effective.ts';
import { GatewayError, type GatewayConnection } from '../lib/contract/gateway.ts';
import type { DiagnosisCode } from '../lib/contract/transport.ts';
import { AppError } from '../lib/errors.ts';
import { diagnose } from '../lib/gateway/diagnoses.ts';
import { hostOf } from '../lib/gateway/failures.ts';
import type { ForwardAnswer, Forwarder, ForwardRequest } from '../lib/gateway/forward.ts';

export interface ForwardingOptions {
  /** What counts at this moment. */
  readonly effective: () => EffectiveConfig;
  /** Why the saved management key cannot be opened, if it cannot. */
  readonly lockedBy: AppError | null;
  readonly createForwarder: (connection: GatewayConnection) => Forwarder;
}

/** The gateway lets nobody in with this key, whether or not the key itself is the reason. */
const REFUSED = new Set<DiagnosisCode>(['key_refused', 'banned', 'remote_management_off', 'key_missing']);

/** Sends calls of our clients to the gateway that is configured when they come. */
export class Forwarding {
  readonly #options: ForwardingOptions;
  #forwarder: Forwarder | null = null;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  /**
   * With the saved management key. Throws `usage_service_not_configured`, `data_key_*`, `gateway_key_refused`,
   * `gateway_unreachable`, `gateway_login_wanted`, and what the body of the request throws.
   */
  withKey(request: ForwardRequest): Promise<ForwardAnswer> {
    return this.#call((forwarder) => forwarder.withKey(request), this.#connection.bind(this));
  }

  /** With what whoever asks sends as `Authorization`. Throws `usage_service_not_configured`, `gateway_unreachable`. */
  asCaller(request: ForwardRequest, authorization: string | undefined): Promise<ForwardAnswer> {
    return this.#call(
      (forwarder) => forwarder.asCaller(request, authorization),
      () => this.#address(),
    );
  }

  /** Ends at once, with the calls under way. */
  async close(): Promise<void> {
    await this.#forwarder?.destroy();
  }

  async #call(
    send: (forwarder: Forwarder) => Promise<ForwardAnswer>,
    where: () => GatewayConnection,
  ): Promise<ForwardAnswer> {
    const forwarder = this.#at(where());
    try {
      return await send(forwarder);
    } catch (error) {
      throw error instanceof GatewayError ? explain(error, forwarder.connection.baseUrl) : error;
    }
  }

  #connection(): GatewayConnection {
    const { connection, managementKey } = this.#options.effective();
    if (managementKey === 'locked') throw this.#options.lockedBy ?? new AppError('data_key_foreign');
    if (connection === null) throw new AppError('usage_service_not_configured');
    return connection;
  }

  /** Enough for calls without our key: a key that cannot be opened is no reason to refuse them. */
  #address(): GatewayConnection {
    const { connection, baseUrl, collector } = this.#options.effective();
    if (connection !== null) return connection;
    if (baseUrl === '') throw new AppError('usage_service_not_configured');
    return { baseUrl, managementKey: '', tlsSkipVerify: collector.tlsSkipVerify };
  }

  /** The forwarder for this connection. Calls that are under way to another one go on until they are over. */
  #at(connection: GatewayConnection): Forwarder {
    const held = this.#forwarder;
    if (held && isSame(held.connection, connection)) return held;
    void held?.close();
    const forwarder = this.#options.createForwarder(connection);
    this.#forwarder = forwarder;
    return forwarder;
  }
}

function isSame(a: GatewayConnection, b: GatewayConnection): boolean {
  return (
    a.baseUrl === b.baseUrl && a.managementKey === b.managementKey && a.tlsSkipVerify === b.tlsSkipVerify
  );
}

function explain(error: GatewayError, baseUrl: string): AppError {
  const { diagnosis, message } = error;
  if (diagnosis === 'not_configured') return new AppError('usage_service_not_configured', { cause: error });
  const facts = { url: baseUrl, host: hostOf(baseUrl), detail: message };
  const told = diagnose(diagnosis, 0, facts);
  return new AppError(REFUSED.has(diagnosis) ? 'gateway_key_refused' : 'gateway_unreachable', {
    detail: message,
    hint: `${told.message} ${told.fix}`,
    cause: error,
  });
}
