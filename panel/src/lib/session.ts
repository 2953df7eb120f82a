import type { InfoAnswer, SessionAnswer } from '../../../src/lib/contract/api.ts';
import { api, apiEvents } from './api.ts';
import { Store } from './store.ts';

/** `ended`: it was there, and the daemon no longer takes it. The page stays while one logs in again. */
export type SessionState = 'checking' | 'out' | 'in' | 'ended';

export const session = new Store<SessionState>('checking');
/** What answers here; null before the first answer. */
export const info = new Store<InfoAnswer | null>(null);

const URL = 'usage-service/session';

export function startSession(): void {
  apiEvents.addEventListener('session-ended', () => {
    if (session.value === 'in') session.set('ended');
  });
}

/** Asks who we are to the daemon. Rejects with an ApiError when it does not say. */
export async function checkSession(): Promise<void> {
  const [answer] = await Promise.all([
    api.get<SessionAnswer>(URL),
    // Known also where nobody can log in yet.
    readInfo(),
  ]);
  session.set(answer.authenticated ? 'in' : 'out');
}

/** Asks again whether a setup is wanted, such as after one. */
export async function readInfo(): Promise<InfoAnswer> {
  const answer = await api.get<InfoAnswer>('usage-service/info');
  info.set(answer);
  return answer;
}

/** Whether the session still holds; also true when nobody answers, which says nothing about it. */
export async function stillLoggedIn(): Promise<boolean> {
  try {
    const answer = await api.get<SessionAnswer>(URL);
    if (!answer.authenticated && session.value === 'in') session.set('ended');
    return answer.authenticated;
  } catch {
    return true;
  }
}

/** Trades the admin key for the cookie. The key is kept nowhere. `Authorization` may belong to a proxy in between. */
export async function logIn(adminKey: string): Promise<void> {
  await api.post<SessionAnswer>(URL, { body: { adminKey }, login: true });
  session.set('in');
}

/** Calls `listener` whenever one has logged in again over the page. */
export function onReturn(listener: () => void): () => void {
  let before = session.value;
  return session.subscribe((state) => {
    const back = before === 'ended' && state === 'in';
    before = state;
    if (back) listener();
  });
}

export async function logOut(): Promise<void> {
  await api.delete(URL);
  session.set('out');
}
