import type { DiagnosisFacts, HealthReason } from '../contract/health.ts';
import type { DiagnosisCode } from '../contract/transport.ts';

interface Diagnosis {
  readonly level: HealthReason['level'];
  readonly message: (facts: DiagnosisFacts) => string;
  readonly fix: (facts: DiagnosisFacts) => string;
}

const at = (facts: DiagnosisFacts): string => (facts.url ? ` at ${facts.url}` : '');
const because = (facts: DiagnosisFacts): string => (facts.detail ? ` (${facts.detail})` : '');
const span = (seconds: number): string => (seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`);

/**
 * Sentence and fix for every diagnosis: the same words in the log, in `/status`, in the panel and in `doctor`.
 * `down`: nothing is collected until somebody acts. `degraded`: it repairs itself or collects with losses.
 * `notice`: worth knowing.
 */
export const DIAGNOSES: Readonly<Record<DiagnosisCode, Diagnosis>> = {
  not_configured: {
    level: 'down',
    message: () => 'No CLIProxyAPI is set up yet, so nothing is collected.',
    fix: () => 'Open /management.html and finish setup, or set CPA_UPSTREAM_URL and CPA_MANAGEMENT_KEY.',
  },
  monitoring_off: {
    level: 'notice',
    message: () => 'Request monitoring is switched off, so nothing is collected.',
    fix: () => 'Switch request monitoring on in the configuration.',
  },
  publishing_off: {
    level: 'degraded',
    message: () => 'CLIProxyAPI does not publish usage records: usage-statistics-enabled is false.',
    fix: () =>
      'Save the connection again with request monitoring on (in the panel: Gateway), or set usage-statistics-enabled: true in its config.yaml.',
  },
  key_refused: {
    level: 'down',
    message: (f) =>
      `CLIProxyAPI${at(f)} refuses the management key${because(f)}. It is not tried again, because five wrong keys ban this address for 30 minutes.`,
    fix: () =>
      'Save the right management key (remote-management.secret-key of CLIProxyAPI). If it was put right over there, ' +
      'have it tried again: in the panel under Gateway, or POST /usage-service/retry.',
  },
  key_missing: {
    level: 'down',
    message: (f) => `CLIProxyAPI${at(f)} has no management key set, so nobody can log in to it${because(f)}.`,
    fix: () => 'Set remote-management.secret-key in the config.yaml of CLIProxyAPI, or MANAGEMENT_PASSWORD.',
  },
  remote_management_off: {
    level: 'down',
    message: (f) => `CLIProxyAPI${at(f)} allows management only from its own machine.`,
    fix: () =>
      'Set remote-management.allow-remote: true in the config.yaml of CLIProxyAPI. A container counts as another machine.',
  },
  management_disabled: {
    level: 'down',
    message: (f) => `The management API of CLIProxyAPI${at(f)} is not there (404).`,
    fix: () =>
      'Check that host and port of the URL are those of CLIProxyAPI itself (its default port is 8317). If they are, set remote-management.secret-key in its config.yaml.',
  },
  banned: {
    level: 'down',
    message: (f) => `CLIProxyAPI${at(f)} has banned this address after too many wrong keys${because(f)}.`,
    fix: () =>
      'Save the right key. The ban ends by itself after 30 minutes, or when CLIProxyAPI is restarted.',
  },
  too_old_for_subscribe: {
    level: 'degraded',
    message: (f) =>
      `This CLIProxyAPI${f.version ? ` (${f.version})` : ''} does not know SUBSCRIBE, which came with v7.0.7.`,
    fix: () => 'Choose the mode auto or http, or update CLIProxyAPI.',
  },
  too_old_for_http: {
    level: 'degraded',
    message: (f) =>
      `This CLIProxyAPI${f.version ? ` (${f.version})` : ''} has no usage queue over HTTP, which came with v6.10.8.`,
    fix: () => 'Choose the mode auto or resp, or update CLIProxyAPI.',
  },
  older_than_recommended: {
    level: 'notice',
    message: (f) =>
      `CLIProxyAPI ${f.version ?? ''} is older than the recommended v7.1.39: some details of a request are not reported.`,
    fix: () => 'Update CLIProxyAPI when it suits you.',
  },
  resp_disabled: {
    level: 'degraded',
    message: (f) => `CLIProxyAPI${at(f)} answers no RESP commands${because(f)}.`,
    fix: () => 'Choose the mode auto or http.',
  },
  resp_through_http: {
    level: 'degraded',
    message: (f) =>
      `Something between us and CLIProxyAPI${at(f)} speaks only HTTP, so records cannot be pushed to us. The mode auto polls for them instead.`,
    fix: () =>
      'Use the direct address, such as http://cli-proxy-api:8317; or choose the mode http, if polling will do.',
  },
  resp_behind_proxy: {
    level: 'degraded',
    message: (f) =>
      `${f.url ?? 'The address'} leads through an https or reverse proxy, which cannot carry RESP.`,
    fix: () => 'Use the direct address, such as http://cli-proxy-api:8317, or choose the mode http.',
  },
  tls_untrusted: {
    level: 'degraded',
    message: (f) => `The certificate of ${f.host ?? 'CLIProxyAPI'} is not trusted${because(f)}.`,
    fix: () =>
      'Use a certificate of a known authority; or, if you trust the network in between, accept any certificate (tlsSkipVerify in the configuration, or USAGE_RESP_TLS_SKIP_VERIFY=true).',
  },
  tls_failed: {
    level: 'degraded',
    message: (f) => `No TLS connection to ${f.host ?? 'CLIProxyAPI'}${because(f)}.`,
    fix: () =>
      'Check whether the port speaks TLS: the URL must start with https:// if it does, and with http:// if not.',
  },
  dns_failed: {
    level: 'degraded',
    message: (f) => `The name ${f.host ?? ''} does not resolve${because(f)}.`,
    fix: () =>
      'Check the host in the URL. In Docker Compose it is the service name, and both must share a network.',
  },
  docker_host_unresolved: {
    level: 'degraded',
    message: () => 'host.docker.internal does not resolve in this container.',
    fix: () =>
      'Start the container with --add-host=host.docker.internal:host-gateway (Compose: extra_hosts).',
  },
  connection_refused: {
    level: 'degraded',
    message: (f) => `Nothing listens${at(f)}${because(f)}.`,
    fix: () => 'Start CLIProxyAPI, and check host and port (its default is 8317).',
  },
  loopback_in_container: {
    level: 'degraded',
    message: (f) => `${f.url ?? 'The address'} is this container itself, and CLIProxyAPI is not in it.`,
    fix: () =>
      'Use the service name, such as http://cli-proxy-api:8317, or http://host.docker.internal:8317.',
  },
  timed_out: {
    level: 'degraded',
    message: (f) => `CLIProxyAPI${at(f)} did not answer in time${because(f)}.`,
    fix: () => 'Check that the address is right and that no firewall drops the packets.',
  },
  connection_lost: {
    level: 'degraded',
    message: (f) => `The connection to CLIProxyAPI${at(f)} broke off${because(f)}.`,
    fix: () =>
      'While collecting it is opened again by itself. If this repeats, check host and port (the default of CLIProxyAPI is 8317), and look at its log.',
  },
  unexpected_redirect: {
    level: 'degraded',
    message: (f) =>
      `CLIProxyAPI${at(f)} answered with a redirect${because(f)}; the management key is not sent elsewhere.`,
    fix: () => 'Save the address that it redirects to, if that is your CLIProxyAPI.',
  },
  unexpected_status: {
    level: 'degraded',
    message: (f) => `CLIProxyAPI${at(f)} answered with an error${because(f)}.`,
    fix: () =>
      'If a proxy stands in between, check that it reaches CLIProxyAPI and lets /v0/management through; else look at the log of CLIProxyAPI. While collecting it is tried again by itself.',
  },
  unexpected_answer: {
    level: 'degraded',
    message: (f) => `The answer${at(f)} is not one of CLIProxyAPI${because(f)}.`,
    fix: () =>
      'Check host and port: the URL must be that of CLIProxyAPI itself, such as http://cli-proxy-api:8317.',
  },
  overflow: {
    level: 'degraded',
    message: () => 'CLIProxyAPI ended the subscription because we read too slowly; one record may be lost.',
    fix: () => 'It is opened again by itself. If this repeats, the machine is too busy.',
  },
  poll_exceeds_retention: {
    level: 'degraded',
    message: (f) =>
      `Records are asked for every ${(f.pollIntervalMs ?? 0) / 1000} s, but CLIProxyAPI keeps them only ${f.retentionSeconds ?? 60} s.`,
    fix: () => 'Choose a shorter poll interval, or raise redis-usage-queue-retention-seconds in CLIProxyAPI.',
  },
  retention_short: {
    level: 'notice',
    message: (f) =>
      `CLIProxyAPI keeps records for ${span(f.retentionSeconds ?? 60)}: a longer downtime of cpamp loses records.`,
    fix: () =>
      'Raise redis-usage-queue-retention-seconds in CLIProxyAPI; 3600 is the most, and covers an hour.',
  },
  second_consumer: {
    level: 'degraded',
    message: () =>
      'CLIProxyAPI counts requests, but no record arrives: another program is taking them from the same queue.',
    fix: () => 'Stop the other manager or exporter that reads this usage queue.',
  },
  not_storing: {
    level: 'degraded',
    message: (f) => `Records are taken and kept in the spool, but cannot be stored${because(f)}.`,
    fix: () =>
      'Check disk space, permissions and the mount of the data directory. Nothing is lost until the spool is full.',
  },
  database_locked: {
    level: 'degraded',
    message: () => 'Another process holds a lock on the database; new records wait in the spool.',
    fix: () => 'Close the other program that has the database open.',
  },
  disk_full: {
    level: 'degraded',
    message: () => 'The disk of the data directory is full.',
    fix: () => 'Free space. Collection goes on by itself.',
  },
  spool_full: {
    level: 'degraded',
    message: () =>
      'The spool is full, so collection is paused and CLIProxyAPI keeps the records as long as it can.',
    fix: () =>
      'See why nothing is stored (the other reasons here). Collection resumes below half of the limit.',
  },
  spool_failed: {
    level: 'degraded',
    message: (f) => `The spool cannot be written${because(f)}, so collection is paused.`,
    fix: () => 'Check disk space and permissions of the data directory. It is tried again by itself.',
  },
  data_in_container_layer: {
    level: 'degraded',
    message: (f) =>
      `${f.detail ?? 'The data directory'} lies inside the container: all history is gone when the container is replaced.`,
    fix: () => 'Mount a volume there, as compose.yaml shows.',
  },
  locked_data_key: {
    level: 'down',
    message: (f) =>
      `The saved secrets cannot be opened${because(f)}, so nothing is collected. Reading and export work.`,
    fix: () => 'Put the right data.key back, or make a new one with: cpamp setup --new-data-key',
  },
  weak_admin_key: {
    level: 'notice',
    message: () => 'The admin key is shorter than 16 characters and can be guessed.',
    fix: () => 'Choose a longer one, or let cpamp generate it.',
  },
  setting_replaced: {
    level: 'notice',
    message: (f) => f.detail ?? 'A setting was not valid and was replaced by its default.',
    fix: () => 'Correct the value where the daemon is started.',
  },
  old_program_running: {
    level: 'down',
    message: (f) =>
      `The old program still has its database open${because(f)}, so nothing is taken over and nothing is collected here.`,
    fix: (f) =>
      `Stop it where it was started, so that nothing starts it again (docker compose stop, or systemctl stop)${f.pid ? `, or with: kill ${f.pid}` : ''}. The takeover then begins by itself.`,
  },
  takeover_space: {
    level: 'down',
    message: (f) =>
      `There is too little room to take over the old history${because(f)}, so nothing was touched and nothing is collected.`,
    fix: () => 'Free space on the volume of the data directory. The takeover then begins by itself.',
  },
  taking_over: {
    level: 'notice',
    message: (f) => `The old history is being taken over, ${f.percent ?? 0} %${because(f)}.`,
    fix: () => 'Nothing: new requests are collected meanwhile, and older ones appear as they come in.',
  },
  takeover_failed: {
    level: 'degraded',
    message: (f) => `The old history is not wholly taken over${because(f)}. New requests are collected.`,
    fix: () =>
      'It is tried again by itself and goes on where it stopped. Do not delete the folder pre-cpamp: what is missing is only there.',
  },
  no_history: {
    level: 'notice',
    message: (f) => `No history was found, so this is a new, empty database${because(f)}.`,
    fix: () =>
      'If there is one, stop cpamp and start it with the folder or volume of the old program as its data directory, or bring it in with: cpamp migrate --from FOLDER',
  },
};

/** Puts a diagnosis into words. */
export function diagnose(code: DiagnosisCode, since: number, facts: DiagnosisFacts = {}): HealthReason {
  const known = DIAGNOSES[code];
  return { code, level: known.level, since, message: known.message(facts), fix: known.fix(facts), facts };
}
