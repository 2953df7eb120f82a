/** Every check by its id, in the order in which they are made. The names under `proxy_` are only asked for with a URL. */
export const CHECKS = {
  directory: 'Directory',
  permissions: 'Permissions',
  database: 'Database',
  data_key: 'Data key',
  integrity: 'Integrity',
  disk_space: 'Disk space',
  daemon: 'Daemon',
  clock: 'Clock',
  connection: 'Connection',
  dns: 'DNS',
  tcp: 'TCP',
  tls: 'TLS',
  management_key: 'Management key',
  version: 'CPA version',
  publishing: 'Publishing',
  retention: 'Retention',
  resp: 'RESP',
  second_consumer: 'Second consumer',
  proxy_path: 'Proxy path',
  proxy_origin: 'Proxy origin',
  proxy_addresses: 'Proxy addresses',
  proxy_stream: 'Proxy stream',
} as const satisfies Record<string, string>;

export type CheckId = keyof typeof CHECKS;

/** `warn`: it works, and costs something or will. `skipped`: it could not be looked at, and the message says why. */
export type CheckState = 'ok' | 'warn' | 'fail' | 'skipped';

/** What a check found, in one sentence; `fix` says what to do about it, `''` where there is nothing to do. */
export interface Finding {
  readonly state: CheckState;
  readonly message: string;
  readonly fix: string;
}

export interface CheckResult {
  readonly id: CheckId;
  readonly title: string;
  readonly state: CheckState;
  readonly message: string;
  /** Absent where there is nothing to do. */
  readonly fix?: string;
}

const finding =
  (state: CheckState) =>
  (message: string, fix = ''): Finding => ({ state, message, fix });

export const ok = finding('ok');
export const warn = finding('warn');
export const fail = finding('fail');
export const skipped = finding('skipped');

/** The graver of the two states wins, and both are told. */
export function both(a: Finding, b: Finding): Finding {
  const rank = ({ state }: Finding): number => ['fail', 'warn', 'ok', 'skipped'].indexOf(state);
  const [first, second] = rank(b) < rank(a) ? [b, a] : [a, b];
  const text = (one: string, other: string): string => [one, other].filter((part) => part !== '').join(' ');
  return {
    state: first.state,
    message: text(first.message, second.message),
    fix: text(first.fix, second.fix),
  };
}

/** A message of an error as a sentence. */
export function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
