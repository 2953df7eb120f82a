import type { StatusAnswer } from '../../../src/lib/contract/api.ts';
import { api } from './api.ts';
import { Feed } from './feed.ts';
import { Loader } from './loader.ts';
import { scheduler } from './scheduler.ts';
import { onReturn, session, stillLoggedIn } from './session.ts';
import { isGoingOn } from './takeover.ts';

const HIDDEN_FOR_MS = 30_000;
const SETTLING_MS = 2000;
/** How long a page waits for what the daemon says of itself. */
const KNOWN_WITHIN_MS = 500;

/** Between a start and the first words with the gateway; the feed tells of health, and not of each of these steps. */
function isSettling({ collector, cpa }: Pick<StatusAnswer, 'collector' | 'cpa'>): boolean {
  return collector.collector === 'starting' || (collector.collector === 'running' && cpa === null);
}

/** The one stream of the page. It runs while one is logged in and the tab is shown. */
export const feed = new Feed({
  open: (url) => new EventSource(url),
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  stillLoggedIn,
});

/** What the daemon says of itself. Its health also comes with the feed, within moments of a change. */
export const status = new Loader<StatusAnswer>({
  load: (signal) => api.get<StatusAnswer>('usage-service/status', { signal }),
  intervalMs: 30_000,
  soonMs: (value) =>
    isSettling(value) || (value.takeover && isGoingOn(value.takeover)) ? SETTLING_MS : null,
});

/**
 * Waits until it was read once, while somebody uses it, but not for long: what stands above every page is not to push
 * it down when it comes later.
 */
export async function statusKnown(): Promise<void> {
  const isKnown = (): boolean => status.value.value !== null || status.value.error !== null;
  if (isKnown()) return;
  let end = (): void => {};
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, KNOWN_WITHIN_MS);
    const unsubscribe = status.subscribe(() => isKnown() && resolve());
    end = () => {
      clearTimeout(timer);
      unsubscribe();
    };
  });
  end();
}

/** Ties the stream to the session and to the tab. */
export function startLive(): void {
  let hiding: ReturnType<typeof setTimeout> | undefined;
  const follow = (): void => {
    clearTimeout(hiding);
    if (session.value !== 'in') feed.stop();
    else if (!document.hidden) feed.start();
    // Browsers allow six connections to one place; tabs in the background give theirs back.
    else hiding = setTimeout(() => feed.stop(), HIDDEN_FOR_MS);
  };
  session.subscribe(follow);
  onReturn(() => scheduler().runAll());
  document.addEventListener('visibilitychange', follow);
  feed.on('status', (health) => {
    const known = status.value.value?.health;
    // A stream begins by telling how things are, which mostly is what was read just now.
    if (known && JSON.stringify(known) === JSON.stringify(health)) return;
    status.patch((value) => ({ ...value, health }));
    // What goes with it. An answer on its way may be older than what has just been told.
    status.restart();
  });
  feed.on('changed', ({ topics }) => {
    if (topics.includes('takeover')) status.refresh();
  });
  // After a break much may be different, such as the program that answers.
  let broken = false;
  feed.state.subscribe((state) => {
    if (state === 'live' && broken) scheduler().runAll();
    // Whether the daemon is there at all, before it would be asked the next time. A first answer is on its way already.
    if (state === 'lost' && status.value.updatedAtMs !== null) status.restart();
    if (state !== 'connecting') broken = state === 'lost';
  });
  follow();
}
