import type { Clock } from '../lib/contract/clock.ts';
import type { DiagnosisFacts, Health, HealthReason, HealthState } from '../lib/contract/health.ts';
import type { DiagnosisCode } from '../lib/contract/transport.ts';
import { diagnose } from '../lib/gateway/diagnoses.ts';

/** Collects what is wrong right now. Each code stands there once; its `since` survives repetition. */
export class HealthBoard {
  readonly #clock: Clock;
  readonly #onChange: (reason: HealthReason, state: 'set' | 'cleared') => void;
  readonly #reasons = new Map<DiagnosisCode, HealthReason>();
  readonly #watchers = new Set<() => void>();

  constructor(clock: Clock, onChange: (reason: HealthReason, state: 'set' | 'cleared') => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  set(code: DiagnosisCode, facts: DiagnosisFacts = {}): void {
    const known = this.#reasons.get(code);
    const reason = diagnose(code, known?.since ?? this.#clock.now(), facts);
    if (known?.message === reason.message) return;
    this.#reasons.set(code, reason);
    this.#changed(reason, 'set');
  }

  clear(...codes: readonly DiagnosisCode[]): void {
    for (const code of codes) {
      const reason = this.#reasons.get(code);
      if (!reason) continue;
      this.#reasons.delete(code);
      this.#changed(reason, 'cleared');
    }
  }

  /** Sets or clears, by a condition. */
  toggle(code: DiagnosisCode, wrong: boolean, facts: DiagnosisFacts = {}): void {
    if (wrong) this.set(code, facts);
    else this.clear(code);
  }

  /** Calls `watcher` after each change, until the function that this answers is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  health(): Health {
    const rank: Record<HealthReason['level'], number> = { down: 0, degraded: 1, notice: 2 };
    const reasons = [...this.#reasons.values()].toSorted(
      (a, b) => rank[a.level] - rank[b.level] || a.since - b.since,
    );
    const worst = reasons[0]?.level;
    const state: HealthState = worst === undefined || worst === 'notice' ? 'ok' : worst;
    return { state, reasons };
  }

  #changed(reason: HealthReason, state: 'set' | 'cleared'): void {
    this.#onChange(reason, state);
    for (const watcher of this.#watchers) watcher();
  }
}
