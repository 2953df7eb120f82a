import type { ReadStore } from '../../lib/store/read-store.ts';
import type { FeedTopic } from '../../lib/contract/api/feed.ts';
import type { LiveCommits } from './live-commits.ts';

/** Topics whose every change counts, whoever made it. */
const OTHERS = [
  'prices',
  'settings',
  'gaps',
  'dead_letters',
  'aliases',
] as const satisfies readonly FeedTopic[];

export type ChangeStore = Pick<ReadStore, 'dataVersion' | 'revision'>;

/** A revision of `events` that is looked at, and how many commits of ours had begun by then. */
interface Candidate {
  readonly revision: number;
  readonly begun: number;
}

/**
 * Finds out what changed in the database otherwise than by the collector's own commits: by other processes, and by other
 * parts of this one. Each write raises the revision of its topic, so an event revision that no own commit has made is
 * somebody else's.
 */
export class ChangeWatch {
  readonly #store: ChangeStore;
  readonly #commits: Pick<LiveCommits, 'begun' | 'answered' | 'takeRevisions'>;
  readonly #revisions = new Map<FeedTopic, number>();
  #dataVersion = 0;
  #candidate: Candidate | null = null;

  constructor(store: ChangeStore, commits: Pick<LiveCommits, 'begun' | 'answered' | 'takeRevisions'>) {
    this.#store = store;
    this.#commits = commits;
  }

  /** Changes are looked for from now on. Throws AppError. */
  begin(): void {
    this.#candidate = null;
    this.#dataVersion = this.#store.dataVersion();
    for (const topic of ['events', ...OTHERS] as const) {
      this.#revisions.set(topic, this.#store.revision(topic));
    }
  }

  /** What changed since the last look. Throws AppError; then the next look finds it. */
  look(): FeedTopic[] {
    // Read first: what is committed after it makes the next look.
    const dataVersion = this.#store.dataVersion();
    if (dataVersion === this.#dataVersion && this.#candidate === null) return [];
    const now = { revision: this.#store.revision('events'), begun: this.#commits.begun };
    const others = OTHERS.map((topic) => [topic, this.#store.revision(topic)] as const);
    this.#dataVersion = dataVersion;
    const changed: FeedTopic[] = this.#eventsChanged(now) ? ['events'] : [];
    for (const [topic, revision] of others) {
      if (this.#revisions.get(topic) !== revision) changed.push(topic);
      this.#revisions.set(topic, revision);
    }
    return changed;
  }

  /**
   * The database shows a commit before its answer reaches this thread. So a revision is judged only once every commit
   * that had begun when it was read is answered: at once when none is under way, else at a later look.
   */
  #eventsChanged(now: Candidate): boolean {
    const before = this.#candidate !== null && this.#judge(this.#candidate);
    this.#candidate ??= now;
    return this.#judge(this.#candidate) || before;
  }

  #judge({ revision, begun }: Candidate): boolean {
    if (this.#commits.answered < begun) return false;
    const before = this.#revisions.get('events') ?? 0;
    const own = this.#commits.takeRevisions(before, revision);
    this.#revisions.set('events', revision);
    this.#candidate = null;
    return revision - before !== own;
  }
}
