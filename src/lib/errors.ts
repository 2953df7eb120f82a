import { entry, Exit, type ErrorEntry, type ExitCode } from './error-entry.ts';
import { TAKEOVER_ERRORS } from './takeover-errors.ts';

/**
 * Every error a user can meet, in one table: its code is the same in HTTP answers, in `--json` on the command line and
 * in `docs/errors.md` (whose headings are the codes). Codes and sentences that older clients know are kept to the
 * letter: their panels translate by code.
 */

export { Exit, type ExitCode };

export const ERRORS = {
  // Known to older clients.
  request_failed: entry(400, Exit.failure, 'the request could not be carried out'),
  invalid_admin_key: entry(
    401,
    Exit.failure,
    'invalid admin key',
    'Send the admin key as "Authorization: Bearer <key>". It was printed at the first start (docker compose logs).',
  ),
  method_not_allowed: entry(405, Exit.failure, 'method not allowed'),
  connection_env_managed: entry(
    409,
    Exit.failure,
    'connection setup is managed by environment variables',
    'Change CPA_UPSTREAM_URL and CPA_MANAGEMENT_KEY where the daemon is started, and restart it.',
  ),
  setup_env_managed: entry(
    409,
    Exit.failure,
    'setup is managed by environment variables',
    'Change CPA_UPSTREAM_URL and CPA_MANAGEMENT_KEY where the daemon is started, and restart it.',
  ),
  invalid_existing_management_key: entry(
    401,
    Exit.failure,
    'invalid management key for existing setup',
    'To move to another CLIProxyAPI with another key, save both in the configuration (PUT /usage-service/config).',
  ),
  cpa_connection_required: entry(400, Exit.usage, 'cpaBaseUrl and managementKey are required'),
  cpa_connection_required_for_monitoring: entry(
    400,
    Exit.usage,
    'cpaBaseUrl and managementKey are required when request monitoring is enabled',
  ),
  usage_service_not_configured: entry(
    428,
    Exit.notConfigured,
    'usage service is not configured',
    'Open /management.html and finish setup.',
  ),
  cpa_usage_retention_invalid: entry(
    400,
    Exit.failure,
    'CPA redis-usage-queue-retention-seconds must be greater than 0',
    'Set redis-usage-queue-retention-seconds in the config.yaml of CLIProxyAPI, best to 3600.',
  ),
  poll_interval_exceeds_retention: entry(
    400,
    Exit.usage,
    'pollIntervalMs must be less than or equal to CPA redis-usage-queue-retention-seconds',
    'Choose a shorter poll interval, or raise redis-usage-queue-retention-seconds in CLIProxyAPI.',
  ),
  management_api_validation_failed: entry(502, Exit.unavailable, 'management API validation failed'),
  management_api_config_failed: entry(502, Exit.unavailable, 'management API config request failed'),
  enable_cpa_usage_statistics_failed: entry(502, Exit.unavailable, 'enable CPA usage statistics failed'),
  prices_required: entry(400, Exit.usage, 'prices are required'),
  model_price_sync_failed: entry(
    502,
    Exit.unavailable,
    'model price sync failed',
    'Without a network, fetch a list elsewhere and read it with: cpamp prices sync --from-file FILE',
  ),
  api_key_aliases_required: entry(400, Exit.usage, 'api key aliases are required'),
  api_key_alias_duplicate: entry(
    400,
    Exit.usage,
    'api key alias already exists',
    'Choose another name, or take it from the key that has it.',
  ),
  invalid_time_zone: entry(400, Exit.usage, 'invalid time zone'),

  // Ours, over HTTP.
  not_found: entry(404, Exit.notFound, 'there is nothing at this address'),
  not_available: entry(501, Exit.failure, 'this part is not available in this version'),
  invalid_request: entry(400, Exit.usage, 'the request is not valid'),
  body_too_large: entry(413, Exit.usage, 'the request body is too large'),
  too_many_attempts: entry(
    429,
    Exit.failure,
    'too many wrong admin keys from your address',
    'Wait for the time in Retry-After; a right key and a running session still work.',
  ),
  cpa_key_given: entry(
    401,
    Exit.failure,
    'this is the management key of CLIProxyAPI, and the admin key of cpamp is wanted',
    'cpamp printed it at its first start, as cmp_admin_... (docker compose logs). After CPA-Manager-Plus it is the admin key from there; the old CPA-Manager had none.',
  ),
  foreign_origin: entry(
    403,
    Exit.failure,
    'the request does not come from a page of cpamp',
    'Reload the panel at the address it is used under; a proxy has to pass on the Host header. Tools send the admin key as Bearer.',
  ),
  usage_queue_owned: entry(
    409,
    Exit.failure,
    'the usage queue belongs to cpamp: whoever else pops it takes records away',
    'Read the records from /v0/management/usage/export instead.',
  ),
  gateway_key_refused: entry(
    502,
    Exit.refused,
    'CLIProxyAPI does not accept the management key',
    'Save the right key; or POST /usage-service/retry after it was corrected in CLIProxyAPI.',
  ),
  gateway_unreachable: entry(502, Exit.unavailable, 'CLIProxyAPI cannot be reached'),
  gateway_login_wanted: entry(
    502,
    Exit.refused,
    'something behind CLIProxyAPI wants a login of its own',
    'The management key is accepted; look at the log of CLIProxyAPI, or of its plugin, for what is wanted.',
  ),
  client_key_wanted: entry(
    401,
    Exit.usage,
    'this is the admin key of cpamp, and a client key of CLIProxyAPI is wanted',
    'Send one of the api-keys of CLIProxyAPI as "Authorization: Bearer <key>".',
  ),
  too_many_streams: entry(
    503,
    Exit.unavailable,
    'too many live streams are open',
    'Close some pages or programs that listen to the live stream, or try again later.',
  ),
  starting: entry(
    503,
    Exit.unavailable,
    'the daemon is still opening its database',
    'Try again in a moment.',
  ),
  database_locked: entry(
    503,
    Exit.locked,
    'the database is locked by another process',
    'Stop the other program that has the database open.',
  ),
  database_failed: entry(500, Exit.failure, 'the database failed'),
  disk_full: entry(507, Exit.failure, 'the disk is full', 'Free space on the volume of the data directory.'),
  internal: entry(
    500,
    Exit.failure,
    'something went wrong inside cpamp',
    'Run it again with --verbose and report it.',
  ),

  // Ours, on the command line.
  wrong_usage: entry(400, Exit.usage, 'this cannot be run as it was typed', 'See: cpamp --help'),
  invalid_time: entry(400, Exit.usage, 'this is no time, or no range of times'),
  daemon_silent: entry(
    500,
    Exit.unavailable,
    'the daemon does not answer on its socket',
    'See in its log what it does, or restart it.',
  ),
  admin_key_env_managed: entry(
    409,
    Exit.usage,
    'the admin key is given where the daemon is started',
    'Change it there and restart the daemon: it puts that key in the place of every other.',
  ),
  weak_admin_key: entry(
    400,
    Exit.usage,
    'this cannot be an admin key',
    'Give one of at least 16 characters, or none: then one is generated.',
  ),
  data_key_env_managed: entry(
    409,
    Exit.usage,
    'the data key is given where the daemon is started',
    'Change it there, or take it away, and run this again.',
  ),
  cancelled: entry(400, Exit.failure, 'nothing was changed, because nobody said yes'),
  database_missing: entry(
    500,
    Exit.notConfigured,
    'there is no database here',
    'Name its place with --data-dir or --db, or make one with: cpamp setup',
  ),

  output_failed: entry(500, Exit.failure, 'the output cannot be written'),

  // Imports. The sessions' codes and the first two sentences are known to older clients.
  import_empty: entry(400, Exit.usage, 'empty usage import payload'),
  import_without_details: entry(
    400,
    Exit.usage,
    'legacy usage export does not contain request details',
    'Sums cannot be told apart into requests again. Export the events themselves from the program that has them.',
  ),
  import_unreadable: entry(400, Exit.usage, 'what should be imported cannot be read'),
  usage_import_session_invalid_request: entry(400, Exit.usage, 'usage import session request is invalid'),
  usage_import_session_not_found: entry(404, Exit.notFound, 'usage import session not found'),
  usage_import_session_conflict: entry(409, Exit.failure, 'usage import session conflict'),
  usage_import_session_too_large: entry(413, Exit.usage, 'usage import file is too large'),
  usage_import_session_quota_exceeded: entry(
    507,
    Exit.failure,
    'usage import disk quota exceeded',
    'Finish or cancel other imports, or use the command cpamp import on the machine of the data directory.',
  ),
  usage_import_session_limit_exceeded: entry(
    429,
    Exit.failure,
    'too many active usage import sessions',
    'Finish or cancel other imports first.',
  ),
  usage_import_session_unavailable: entry(500, Exit.failure, 'usage import sessions are unavailable'),

  // Backups.
  backup_unusable: entry(400, Exit.usage, 'there is nothing here that can be restored'),
  backup_damaged: entry(
    500,
    Exit.integrity,
    'the backup is damaged',
    'Nothing was changed. Try another one.',
  ),
  file_exists: entry(409, Exit.usage, 'something with this name is there already', 'Choose another name.'),
  restore_occupied: entry(
    409,
    Exit.usage,
    'something is where it should be restored to',
    'Give --replace: it is moved aside then, and not deleted.',
  ),
  restore_unfinished: entry(
    503,
    Exit.integrity,
    'a restore of this database was interrupted',
    'Finish it with: cpamp restore --finish',
  ),

  // Starting, files and keys.
  invalid_config: entry(400, Exit.usage, 'the configuration is not valid'),
  secret_file_unreadable: entry(500, Exit.usage, 'a file that should hold a secret cannot be used'),
  data_dir_unusable: entry(500, Exit.failure, 'the data directory cannot be written'),
  database_foreign: entry(
    500,
    Exit.integrity,
    'this database was not made by cpamp',
    'Point USAGE_DB_PATH at another file. Taking over the database of an older program is a step of its own.',
  ),
  database_newer: entry(
    500,
    Exit.integrity,
    'this database was written by a newer cpamp',
    'Start the newer version again, or restore the backup made before the upgrade.',
  ),
  database_held: entry(
    500,
    Exit.locked,
    'another cpamp daemon already runs on this database',
    'Stop it first, or give this one a USAGE_DB_PATH of its own.',
  ),
  no_such_thing: entry(404, Exit.notFound, 'this is not here'),
  bulk_held: entry(
    500,
    Exit.locked,
    'another command is changing many rows of this database',
    'Wait for its end, or end it: what it has done stays done.',
  ),
  ...TAKEOVER_ERRORS,
  port_in_use: entry(500, Exit.unavailable, 'the address to listen on cannot be used'),
  data_key_missing: entry(
    503,
    Exit.integrity,
    'data.key is missing, and the database holds secrets encrypted with it',
    'Put the file back, or make a new one with: cpamp setup --new-data-key',
  ),
  data_key_malformed: entry(
    503,
    Exit.integrity,
    'data.key is not a key: it must be 32 bytes, or 32 bytes in base64',
    'Put the right file back, or make a new one with: cpamp setup --new-data-key',
  ),
  data_key_foreign: entry(
    503,
    Exit.integrity,
    'data.key does not fit this database',
    'Put the right file back, or make a new one with: cpamp setup --new-data-key',
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

export interface AppErrorOptions {
  /** What in particular: appended to the sentence after a colon. Never a secret. */
  readonly detail?: string;
  /** Replaces the table's hint where more is known. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Replaces the table's HTTP status where a documented route answers another one. */
  readonly status?: number;
  /** Extra headers of the HTTP answer, such as Retry-After. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An expected failure: printed without a stack trace, answered with its own status. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly status: number;
  readonly exit: ExitCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    const known = ERRORS[code];
    super(
      options.detail ? `${known.sentence}: ${options.detail}` : known.sentence,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.hint = options.hint ?? known.hint;
    this.status = options.status ?? known.status;
    this.exit = known.exit;
    this.headers = options.headers ?? {};
  }
}
