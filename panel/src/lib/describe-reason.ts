import type { DiagnosisFacts, HealthReason } from '../../../src/lib/contract/health.ts';
import type { DiagnosisCode } from '../../../src/lib/contract/transport.ts';
import { follow, language, type Language } from '../i18n/i18n.ts';

/** What a diagnosis says in another language than the daemon's English. */
export type DiagnosisTexts = Readonly<
  Record<
    DiagnosisCode,
    {
      readonly message: (facts: DiagnosisFacts) => string;
      readonly fix: (facts: DiagnosisFacts) => string;
    }
  >
>;

let chinese: DiagnosisTexts | null = null;
const texts = {
  load: async (wanted: Language): Promise<void> => {
    if (wanted === 'zh-CN') chinese ??= (await import('../i18n/zh-CN/diagnoses.ts')).default;
  },
};

/** Has to be done before `describeReason`. English is what the daemon sends. */
export const loadDiagnoses = (): Promise<void> => follow(texts);

/** A health reason, or a finding of the connection test, in the language in use. */
export function describeReason(
  reason: Pick<HealthReason, 'code' | 'message' | 'fix' | 'facts'>,
): Pick<HealthReason, 'message' | 'fix'> {
  if (language.value !== 'zh-CN' || !chinese) return reason;
  const { message, fix } = chinese[reason.code];
  return { message: message(reason.facts), fix: fix(reason.facts) };
}
