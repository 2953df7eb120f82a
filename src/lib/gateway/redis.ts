import { Redis } from 'ioredis';
import { GatewayError, type GatewayConnection, type KeyBreaker } from '../contract/gateway.ts';
import { explainError, explainRespError, hideKey, type FailureContext } from './failures.ts';
import { login } from './login.ts';
import { explainSilentClose, respAddress } from './resp-socket.ts';

export interface RedisOptions extends FailureContext {
  readonly connection: GatewayConnection;
  readonly breaker: KeyBreaker;
}

const CONNECT_MS = 5_000;
/** AUTH is answered after some 60 ms of bcrypt. */
const LOGIN_MS = 10_000;
/** The whole answer to a pop: 1,000 records with their headers can be 5 MB, and the link slow. */
const ANSWER_MS = 120_000;
/** The longest silence while an answer is awaited or under way. */
const SILENCE_MS = 30_000;

/**
 * CLIProxyAPI knows AUTH, SUBSCRIBE, LPOP and RPOP, and counts everything before AUTH as a wrong key. With exactly
 * these options ioredis 6 sends AUTH and our own commands and nothing else: no HELLO, INFO, CLIENT or SELECT, no
 * second try of a wrong key, and no repetition of a pop. Throws GatewayError.
 */
export function connectRedis(options: RedisOptions): Promise<Redis> {
  return login(options.breaker, options.connection, () => connect(options));
}

async function connect(options: RedisOptions): Promise<Redis> {
  const { connection } = options;
  const { host, port, secure, servername } = respAddress(connection);
  const redis = new Redis({
    host,
    port,
    password: connection.managementKey,
    protocol: 2,
    enableReadyCheck: false,
    disableClientInfo: true,
    lazyConnect: true,
    db: 0,
    connectTimeout: CONNECT_MS,
    commandTimeout: LOGIN_MS,
    socketTimeout: SILENCE_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableOfflineQueue: false,
    ...(secure
      ? {
          tls: {
            rejectUnauthorized: !connection.tlsSkipVerify,
            ...(servername === undefined ? {} : { servername }),
          },
        }
      : {}),
  });
  // connect() rejects with "Connection is closed." only; the reason comes as an event before that.
  let reason: unknown = null;
  redis.on('error', (error: unknown) => {
    reason = error;
  });
  try {
    await redis.connect();
    // Read anew for each command.
    redis.options.commandTimeout = ANSWER_MS;
    return redis;
  } catch (error) {
    redis.disconnect();
    throw explainRedis(reason ?? error, 'AUTH', options);
  }
}

/** An error of ioredis in our words. It is not passed on itself: ioredis puts the command into it, and so the key. */
export function explainRedis(error: unknown, command: string, context: RedisOptions): GatewayError {
  if (error instanceof GatewayError) return error;
  const key = context.connection.managementKey;
  if (error instanceof Error && error.name === 'ReplyError') {
    const { diagnosis, detail } = explainRespError(error.message, key);
    return new GatewayError(diagnosis, detail);
  }
  const text = error instanceof Error ? hideKey(error.message, key) : '';
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const cause = Object.assign(new Error(text), code === undefined ? {} : { code });
  if (command === 'AUTH' && text === 'Connection is closed.') {
    const { diagnosis, detail } = explainSilentClose(command, context);
    return new GatewayError(diagnosis, detail, { cause });
  }
  const { diagnosis, detail } = explainError(error, context);
  return new GatewayError(diagnosis, `${hideKey(detail, key)} at ${command}`, { cause });
}
