import type { ChannelIdentity } from '../../analytics/channels.ts';
import type { DashboardInput } from '../../analytics/dashboard.ts';
import type { DayFigures } from '../../analytics/day-figures.ts';
import { analyticsModel } from '../../pricing/model-names.ts';
import type { Db } from '../sqlite.ts';

interface ModelRow {
  readonly id: number;
  readonly name: string;
  readonly requested: string;
}

interface CredentialRow {
  readonly id: number;
  readonly auth_index: string;
  readonly source_hash: string;
  readonly source: string;
  readonly account: string;
  readonly label: string;
  readonly auth_provider: string;
}

const BLANK: Omit<CredentialRow, 'id'> = {
  auth_index: '',
  source_hash: '',
  source: '',
  account: '',
  label: '',
  auth_provider: '',
};

/** The name by which figures count a model: as it was asked for, without a thinking suffix. */
export function countedModel({ name, requested }: Omit<ModelRow, 'id'>): string {
  return analyticsModel(requested === '' ? name : requested);
}

/** The names of everything that a day's figures have ids of. */
export function dashboardNames(db: Db, figures: DayFigures): Pick<DashboardInput, 'modelName' | 'identity'> {
  const some = <Row extends { readonly id: number }>(sql: string, ids: Iterable<number>): Map<number, Row> =>
    new Map(
      db
        .prepare<[string], Row>(`${sql} WHERE id IN (SELECT value FROM json_each(?))`)
        .all(JSON.stringify(Array.from(new Set(ids))))
        .map((row) => [row.id, row]),
    );
  const channels = Array.from(figures.channels.values());
  const models = some<ModelRow>('SELECT id, name, requested FROM model', figures.models.keys());
  const credentials = some<CredentialRow>(
    'SELECT id, auth_index, source_hash, source, account, label, auth_provider FROM credential',
    channels.flatMap(({ credentialId }) => credentialId ?? []),
  );
  const providers = some<{ id: number; name: string }>(
    'SELECT id, name FROM provider',
    channels.flatMap(({ providerId }) => providerId ?? []),
  );
  return {
    modelName: (id) => {
      const model = models.get(id);
      return model === undefined ? '-' : countedModel(model);
    },
    identity: (credentialId, providerId): ChannelIdentity => {
      const row = (credentialId === null ? undefined : credentials.get(credentialId)) ?? BLANK;
      const provider = providerId === null ? '' : (providers.get(providerId)?.name ?? '');
      return {
        authIndex: row.auth_index,
        sourceHash: row.source_hash,
        source: row.source,
        account: row.account,
        label: row.label,
        provider: row.auth_provider === '' ? provider : row.auth_provider,
      };
    },
  };
}
