import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import en from '../../../panel/src/i18n/en/errors.ts';
import { language } from '../../../panel/src/i18n/i18n.ts';
import chinese from '../../../panel/src/i18n/zh-CN/diagnoses.ts';
import { describeReason, loadDiagnoses } from '../../../panel/src/lib/describe-reason.ts';
import type { DiagnosisFacts } from '../../../src/lib/contract/health.ts';
import { ERRORS } from '../../../src/lib/errors.ts';
import { DIAGNOSES, diagnose } from '../../../src/lib/gateway/diagnoses.ts';

afterEach(() => language.set('en'));

const CODES = Object.keys(DIAGNOSES).filter((code): code is keyof typeof DIAGNOSES => code in DIAGNOSES);
const FACTS: Required<DiagnosisFacts> = {
  url: 'http://gateway.test:8317',
  host: 'gateway.test',
  detail: 'the very reason',
  version: '7.0.1',
  retentionSeconds: 90,
  pollIntervalMs: 120_000,
  retryAtMs: 1_700_000_000_000,
  pid: 4711,
  percent: 37,
};

type Says = (facts: DiagnosisFacts) => string;

/** The names of the facts that a text asks for. */
function asked(says: Says): string[] {
  const names = new Set<string>();
  const watched = new Proxy(FACTS, {
    get: (facts, name) => {
      names.add(String(name));
      return Reflect.get(facts, name);
    },
  });
  says(watched);
  return [...names].toSorted();
}

test('every diagnosis has its Chinese, made of the same facts', () => {
  assert.deepEqual(Object.keys(chinese).toSorted(), CODES.toSorted());
  for (const code of CODES) {
    for (const part of ['message', 'fix'] as const) {
      const [theirs, ours]: readonly [Says, Says] = [DIAGNOSES[code][part], chinese[code][part]];
      assert.deepEqual(asked(ours), asked(theirs), `${code}: ${part}`);
      assert.match(ours(FACTS), /\p{Script=Han}/u, `${code}: ${part}`);
    }
  }
});

test('names of settings, commands and addresses are the same in Chinese', () => {
  const names =
    /[a-z]+(?:[-_./][a-z]+)+(?:: true)?|[A-Z]+(?:_[A-Z]+)+(?:=true)?|https?:\/\/[\w.-]+:\d+|v\d+\.\d+\.\d+/g;
  for (const code of CODES) {
    for (const part of ['message', 'fix'] as const) {
      const english = DIAGNOSES[code][part](FACTS).match(names) ?? [];
      const said = chinese[code][part](FACTS);
      for (const name of english) assert.ok(said.includes(name), `${code}: ${part} without ${name}: ${said}`);
    }
  }
});

test('what is not known leaves no hole', () => {
  for (const code of CODES) {
    for (const facts of [{}, { url: FACTS.url }, { detail: FACTS.detail }]) {
      const { message, fix }: { readonly message: Says; readonly fix: Says } = chinese[code];
      const said = `${message(facts)} ${fix(facts)}`;
      assert.doesNotMatch(said, /undefined|NaN|null|（）|\s{2}/, code);
    }
  }
});

test('English is what the daemon says, Chinese is made here', async () => {
  const reason = diagnose('connection_refused', 0, FACTS);
  assert.equal(describeReason(reason).message, reason.message);
  language.set('zh-CN');
  await loadDiagnoses();
  assert.match(
    describeReason(reason).message,
    /^http:\/\/gateway\.test:8317 没有程序在监听（the very reason）。$/,
  );
});

/** Before anything listens, or on the command line only. */
const NEVER_IN_THE_PANEL = [
  'admin_key_env_managed',
  'backup_damaged',
  'backup_unusable',
  'bulk_held',
  'cancelled',
  'daemon_silent',
  'data_dir_unusable',
  'data_key_env_managed',
  'database_foreign',
  'database_held',
  'database_missing',
  'database_newer',
  'file_exists',
  'invalid_config',
  'no_such_thing',
  'old_program_running',
  'output_failed',
  'port_in_use',
  'restore_occupied',
  'restore_unfinished',
  'rolled_back',
  'secret_file_unreadable',
  'space_needed',
  'takeover_stuck',
  'takeover_unfinished',
  'weak_admin_key',
  'wrong_usage',
];

/** Answers of routes that no page of the panel asks: exports, imports, prices and names of client keys. */
const OF_OTHER_ROUTES = [
  'api_key_alias_duplicate',
  'api_key_aliases_required',
  'import_empty',
  'import_unreadable',
  'import_without_details',
  'invalid_time',
  'model_price_sync_failed',
  'prices_required',
  'usage_import_session_conflict',
  'usage_import_session_invalid_request',
  'usage_import_session_limit_exceeded',
  'usage_import_session_not_found',
  'usage_import_session_quota_exceeded',
  'usage_import_session_too_large',
  'usage_import_session_unavailable',
];

test('every error that the panel can meet has a text', () => {
  const without = Object.keys(ERRORS).filter((code) => !(code in en));
  assert.deepEqual(without.toSorted(), [...NEVER_IN_THE_PANEL, ...OF_OTHER_ROUTES].toSorted());
});
