import type { DiagnosisFacts, HealthReason } from '../../../src/lib/contract/health.ts';
import type { DiagnosisCode } from '../../../src/lib/contract/transport.ts';
import { language } from '../i18n/i18n.ts';

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

/** Has to be done before `describeReason`, and again when the language changes. English is what the daemon sends. */
export async function loadDiagnoses(): Promise<void> {
  if (language.value === 'zh-CN') chinese ??= (await import('../i18n/zh-CN/diagnoses.ts')).default;
}

/** A health reason, or a finding of the connection test, in the language in use. */
export function describeReason(
  reason: Pick<HealthReason, 'code' | 'message' | 'fix' | 'facts'>,
): Pick<HealthReason, 'message' | 'fix'> {
  if (language.value !== 'zh-CN' || !chinese) return reason;
  const texts = chinese[reason.code];
  return { message: texts.message(reason.facts), fix: texts.fix(reason.facts) };
}
