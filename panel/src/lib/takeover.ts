import type { TakeoverStatus } from '../../../src/lib/contract/api.ts';
import type { HealthReason } from '../../../src/lib/contract/health.ts';

export const PROGRAMS = {
  'cpa-manager': 'CPA-Manager',
  'cpa-manager-plus': 'CPA-Manager-Plus',
} as const satisfies Record<TakeoverStatus['program'], string>;

/** How long a takeover that is over is spoken of on every page, in ms. */
const SPOKEN_OF_MS = 3 * 86_400_000;

/** It goes on by itself; how far it is changes. */
export function isGoingOn({ state }: Pick<TakeoverStatus, 'state'>): boolean {
  return state !== 'done' && state !== 'failed';
}

/** There is a share of the way to show. */
export function hasShare({ state }: Pick<TakeoverStatus, 'state'>): boolean {
  return state === 'copying' || state === 'reporting';
}

/** Which takeover it is, and how it ended: what somebody has hidden stays hidden, and nothing else. */
export function takeoverMark({ startedAtMs, state }: TakeoverStatus): string {
  return `${startedAtMs}:${state}`;
}

/** Whether every page says it. Only an end that is good is hidden, by somebody or by time. */
export function isSpokenOf(
  takeover: TakeoverStatus | null | undefined,
  hidden: string | null,
  nowMs: number,
): takeover is TakeoverStatus {
  if (!takeover) return false;
  if (takeover.state !== 'done') return true;
  const recent = takeover.endedAtMs !== null && nowMs - takeover.endedAtMs < SPOKEN_OF_MS;
  return recent && hidden !== takeoverMark(takeover);
}

/** What stands in the way of a takeover, as a health reason. */
const HINDRANCES: ReadonlySet<HealthReason['code']> = new Set([
  'old_program_running',
  'takeover_space',
  'takeover_failed',
]);

/** Reasons that are told above every page, and not once more in the page itself. */
export function isAboutTakeover({ code }: Pick<HealthReason, 'code'>): boolean {
  return HINDRANCES.has(code) || code === 'taking_over';
}

/** Why it waits or failed, and what to do about it; null: it goes on, or is done. */
export function hindranceOf(
  takeover: TakeoverStatus,
  reasons: readonly HealthReason[],
): Pick<HealthReason, 'code' | 'message' | 'fix' | 'facts'> | Pick<TakeoverStatus, 'message' | 'fix'> | null {
  if (takeover.state !== 'waiting' && takeover.state !== 'failed') return null;
  return reasons.find(({ code }) => HINDRANCES.has(code)) ?? takeover;
}

const COMMANDS = new RegExp(
  `(${[
    String.raw`kill \d+`,
    String.raw`chmod \d+ \S+?(?=[.,;)。]?(?:\s|$))`,
    'docker compose stop',
    String.raw`(?:docker|podman) stop [0-9a-f]+`,
    String.raw`systemctl (?:--user )?stop(?: [\w.@\\-]+\.service)?`,
    'cpamp (?:cleanup|migrate|rollback|setup|status)(?: --[a-z-]+)*(?: [A-Z]+)?',
  ].join('|')})`,
);

/** A sentence in pieces; each second one is a command. */
export function commandsIn(text: string): readonly string[] {
  return text.split(COMMANDS);
}

/** The command that stops the very program which stands in the way; null: none is known, or it is in `told` already. */
export function stopCommand({ fix }: TakeoverStatus, told: string): string | null {
  const command = commandsIn(fix)[1] ?? null;
  return command === null || told.includes(command) ? null : command;
}
