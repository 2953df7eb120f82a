import type { EffectiveConfig } from '../../lib/config/effective.ts';
import type { ChangedSettings } from '../../lib/config/settings-change.ts';
import type { HealthReason } from '../../lib/contract/health.ts';
import { AppError } from '../../lib/errors.ts';
import { storedBreaker, switchPublishingOn, tryConnection } from '../../lib/setup/try-connection.ts';
import { startProgress } from '../shared/progress.ts';
import { confirm } from '../shared/prompt.ts';
import { canAsk } from './questions.ts';
import type { SetupRun } from './run.ts';

/**
 * Tries the connection that is to be saved, says what it found, and has usage records published. Throws what is in the
 * way, unless somebody wants it saved in spite of that.
 */
export async function prove(
  run: SetupRun,
  now: EffectiveConfig,
  wanted: ChangedSettings | null,
): Promise<readonly HealthReason[]> {
  const { options, context, store } = run;
  const { clock, output, signal } = context;
  const connection = wanted === null ? now.connection : wanted.connection;
  if (connection === null) return [];
  const { collector, monitoring } = wanted ?? now;
  const breaker = storedBreaker(store, clock);
  if (options.tryAgain) await breaker.reset();
  const progress = await startProgress(context, `Trying ${connection.baseUrl}`);
  let trial;
  try {
    trial = await tryConnection(connection, collector, { breaker, clock }, signal);
  } finally {
    progress.done();
  }
  const publish = trial.publishingOff && monitoring && options.publishing;
  const told = publish ? trial.findings.filter(({ code }) => code !== 'publishing_off') : trial.findings;
  // What stands in the way is the error, and not said twice.
  const notes = trial.obstacle ? told.filter((finding) => finding !== trial.cause) : told;
  for (const { level, message, fix } of notes) output.note(`${level}: ${message}\n  ${fix}`);
  if (trial.obstacle) {
    await overcome(run, trial.obstacle);
    return told;
  }
  if (publish) {
    const done = await switchPublishingOn(connection, { breaker, clock }).then(
      () => null,
      (error: unknown) => error,
    );
    if (done instanceof AppError) await overcome(run, done);
    else if (done !== null) throw done;
    else output.note('CLIProxyAPI publishes usage records from now on (usage-statistics-enabled: true).');
  }
  return told;
}

/** Saves it all the same where that is wanted; else throws the obstacle. */
async function overcome(run: SetupRun, obstacle: AppError): Promise<void> {
  const { options, context } = run;
  if (options.force) {
    context.output.warn(`Saved all the same: ${obstacle.message}`);
    return;
  }
  if (!canAsk(run)) throw obstacle;
  context.output.warn(obstacle.message);
  const otherwise = 'Give --force to save it all the same.';
  if (!(await confirm(context, { text: 'Save it all the same?', otherwise }))) throw obstacle;
}
