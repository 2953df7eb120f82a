import { describeReason } from '../../lib/describe-reason.ts';
import type { Problem } from './connection.ts';
import { connection } from './texts.ts';

/** A problem in the language in use; empty texts where there is none. */
export function told(problem: Problem | undefined): { readonly what: string; readonly fix: string } {
  if (!problem) return { what: '', fix: '' };
  if ('finding' in problem) {
    // In the health of the daemon it is the saved key; here it is the one in the field.
    if (problem.finding.code === 'key_refused')
      return { what: connection.t('keyRefused'), fix: connection.t('keyRefused_fix') };
    const { message, fix } = describeReason(problem.finding);
    return { what: message, fix };
  }
  return { what: connection.t(problem.own), fix: connection.t(`${problem.own}_fix`) };
}
