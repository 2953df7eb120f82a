import type { ConfigAnswer, TestConnectionAnswer } from '../../../../src/lib/contract/api.ts';
import type { DiagnosisCode } from '../../../../src/lib/contract/transport.ts';
import type { ApiError } from '../../lib/api.ts';

export type Mode = ConfigAnswer['config']['collector']['collectorMode'];
export type Finding = TestConnectionAnswer['findings'][number];
export const MODES: readonly Mode[] = ['auto', 'subscribe', 'http', 'resp'];

/** The form as it is filled in. */
export interface Draft {
  readonly url: string;
  /** `''`: the saved one. */
  readonly key: string;
  readonly monitoring: boolean;
  readonly mode: Mode;
  /** As typed. */
  readonly pollMs: string;
  readonly tlsSkipVerify: boolean;
}

/** Fields that something can be wrong with, in their order on the page. */
export const FIELDS = ['url', 'key', 'mode', 'poll'] as const;
export type FieldName = (typeof FIELDS)[number];

/** What the form itself sees; the names are those of its texts. */
export type OwnProblem =
  | 'urlMissing'
  | 'urlInvalid'
  | 'keyMissing'
  | 'keyWantedAgain'
  | 'keyHashed'
  | 'keyIsAdmin'
  | 'keyMasked'
  | 'pollInvalid'
  | 'pollTooLong';
export type Problem = { readonly own: OwnProblem } | { readonly finding: Finding };
export type Problems = Partial<Readonly<Record<FieldName, Problem>>>;

export const EXAMPLES = [
  { name: 'network', url: 'http://cli-proxy-api:8317' },
  { name: 'host', url: 'http://host.docker.internal:8317' },
  { name: 'machine', url: 'http://127.0.0.1:8317' },
  { name: 'remote', url: 'https://cpa.example.com' },
] as const;

export function draftOf({ config }: ConfigAnswer): Draft {
  const { collector, cpaConnection } = config;
  return {
    url: cpaConnection.cpaBaseUrl,
    key: '',
    monitoring: collector.enabled,
    mode: collector.collectorMode,
    pollMs: String(collector.pollIntervalMs),
    tlsSkipVerify: collector.tlsSkipVerify ?? false,
  };
}

/** What can be seen to be wrong without asking the gateway, whose patience with wrong keys ends at the fifth. */
export function check(draft: Draft, { config }: ConfigAnswer): Problems {
  const url = urlProblem(draft.url.trim());
  const key = keyProblem(draft.key.trim(), draft.url, config.cpaConnection);
  const poll = /^[1-9]\d{0,8}$/.test(draft.pollMs.trim()) ? null : 'pollInvalid';
  return {
    ...(url ? { url: { own: url } } : {}),
    ...(key ? { key: { own: key } } : {}),
    ...(poll ? { poll: { own: poll } } : {}),
  };
}

function urlProblem(url: string): OwnProblem | null {
  if (url === '') return 'urlMissing';
  return URL.canParse(withScheme(url)) ? null : 'urlInvalid';
}

/** Where no scheme is typed the daemon takes http. */
const withScheme = (url: string): string => (url.includes('://') ? url : `http://${url}`);

function keyProblem(
  key: string,
  url: string,
  saved: ConfigAnswer['config']['cpaConnection'],
): OwnProblem | null {
  if (key === '') {
    if (!saved.managementKeySet) return 'keyMissing';
    return bare(url) === bare(saved.cpaBaseUrl) ? null : 'keyWantedAgain';
  }
  // CLIProxyAPI writes the bcrypt hash in place of the key into its config.yaml when it starts.
  if (/^\$2[abxy]\$\d\d\$/.test(key)) return 'keyHashed';
  if (key.startsWith('cmp_admin_')) return 'keyIsAdmin';
  return /^.{0,8}(?:[*•]{3,}|…|\.{3,}).{0,8}$/u.test(key) ? 'keyMasked' : null;
}

const bare = (url: string): string => withScheme(url.trim()).toLowerCase().replace(/\/+$/, '');

/** For `POST /usage-service/test-connection`. */
export function testBody(draft: Draft): object {
  const { mode, pollMs, tlsSkipVerify } = draft;
  return {
    cpaBaseUrl: draft.url.trim(),
    ...keyOf('managementKey', draft),
    collectorMode: mode,
    pollIntervalMs: Number(pollMs),
    tlsSkipVerify,
  };
}

/** For `POST /usage-service/setup`. */
export function setupBody(draft: Draft): object {
  return {
    cpaBaseUrl: draft.url.trim(),
    ...keyOf('cpaManagementKey', draft),
    requestMonitoringEnabled: draft.monitoring,
    ensureUsageStatisticsEnabled: draft.monitoring,
    collectorMode: draft.mode,
    pollIntervalMs: Number(draft.pollMs),
    tlsSkipVerify: draft.tlsSkipVerify,
  };
}

/** For `PUT /usage-service/config`. */
export function configBody(draft: Draft): object {
  const { mode, monitoring, pollMs, tlsSkipVerify } = draft;
  return {
    config: {
      cpaConnection: { cpaBaseUrl: draft.url.trim(), ...keyOf('managementKey', draft) },
      collector: {
        enabled: monitoring,
        collectorMode: mode,
        pollIntervalMs: Number(pollMs),
        tlsSkipVerify,
      },
    },
  };
}

const keyOf = (name: string, { key }: Draft): object => (key.trim() === '' ? {} : { [name]: key.trim() });

const URL_CODES: readonly DiagnosisCode[] = [
  'connection_lost',
  'connection_refused',
  'dns_failed',
  'docker_host_unresolved',
  'loopback_in_container',
  'management_disabled',
  'timed_out',
  'tls_failed',
  'tls_untrusted',
  'unexpected_answer',
  'unexpected_redirect',
];
/** After these the same key is not sent there again until half an hour has passed, or a person says so. */
export const REFUSED: readonly DiagnosisCode[] = ['key_refused', 'banned'];
/** About one way in; wrong only where nothing else may be tried. */
const MODE_CODES: readonly DiagnosisCode[] = [
  'resp_behind_proxy',
  'resp_disabled',
  'resp_through_http',
  'too_old_for_http',
  'too_old_for_subscribe',
];

/** The field that a finding is about; null: none of them. */
function fieldOf(code: DiagnosisCode, draft: Draft): FieldName | null {
  if (REFUSED.includes(code)) return 'key';
  if (MODE_CODES.includes(code)) return draft.mode === 'auto' ? null : 'mode';
  if (code === 'poll_exceeds_retention') return draft.monitoring ? 'poll' : null;
  return URL_CODES.includes(code) ? 'url' : null;
}

/** Findings at their fields, and the others. With several at one field the gravest, which comes first, is shown there. */
export function place(
  { ok, findings }: TestConnectionAnswer,
  draft: Draft,
): { readonly problems: Problems; readonly rest: readonly Finding[] } {
  const problems: Partial<Record<FieldName, Problem>> = {};
  const rest: Finding[] = [];
  for (const finding of findings) {
    // Who keeps no requests does not need them published.
    if (finding.code === 'publishing_off' && !draft.monitoring) continue;
    const field = fieldOf(finding.code, draft);
    // What went wrong after a successful login, such as RESP that breaks off, is no fault of the address.
    const there = field !== null && !(ok && field === 'url') && !problems[field];
    if (there) problems[field] = { finding };
    else rest.push(finding);
  }
  return { problems, rest };
}

/** An answer of the daemon at its field; null: it is about none of them. */
export function placeError(error: ApiError, { config }: ConfigAnswer): Problems | null {
  switch (error.code) {
    case 'invalid_request':
      return { url: { own: 'urlInvalid' } };
    case 'cpa_connection_required':
    case 'cpa_connection_required_for_monitoring':
      return { key: { own: config.cpaConnection.managementKeySet ? 'keyWantedAgain' : 'keyMissing' } };
    case 'poll_interval_exceeds_retention':
      return { poll: { own: 'pollTooLong' } };
    default:
      return null;
  }
}

/** The way in that will be used, as far as the test can tell. `auto` goes by SUBSCRIBE, HTTP, then LPOP. */
export function wayIn(draft: Draft, { findings, gateway }: TestConnectionAnswer): Exclude<Mode, 'auto'> {
  if (draft.mode !== 'auto') return draft.mode;
  const codes = findings.map(({ code }) => code);
  if (!codes.some((code) => MODE_CODES.includes(code) || URL_CODES.includes(code))) return 'subscribe';
  return isBefore(gateway?.version ?? '', FIRST_HTTP_QUEUE) ? 'resp' : 'http';
}

/** The first CLIProxyAPI with the usage queue over HTTP. */
const FIRST_HTTP_QUEUE = [6, 10, 8] as const;

/** False for versions without numbers, such as `dev`. */
function isBefore(version: string, wanted: readonly number[]): boolean {
  const numbers = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  const at = numbers.findIndex((number, index) => number !== wanted[index]);
  return at >= 0 && (numbers[at] ?? 0) < (wanted[at] ?? 0);
}
