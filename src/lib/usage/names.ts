import type { UsageEvent } from '../contract/event.ts';
import { firstText, type JsonObject } from './readers.ts';

/** The names by which a request is known, as the record writes them. They go into the hash in this form. */
export type RawNames = Pick<
  UsageEvent,
  | 'requestId'
  | 'provider'
  | 'executorType'
  | 'model'
  | 'requestedModel'
  | 'resolvedModel'
  | 'endpoint'
  | 'method'
  | 'path'
  | 'authType'
  | 'authIndex'
  | 'accountSnapshot'
  | 'authLabelSnapshot'
  | 'authFileSnapshot'
  | 'authProviderSnapshot'
  | 'authProjectIdSnapshot'
  | 'reasoningEffort'
  | 'requestServiceTier'
  | 'responseServiceTier'
  | 'serviceTier'
>;

const REQUEST_ID = ['request_id', 'requestId', 'id'] as const;
const METHOD = ['method', 'http_method', 'httpMethod'] as const;
const PATH = ['path', 'url_path', 'urlPath', 'route'] as const;
const ENDPOINT = ['endpoint', 'api', 'request', 'operation'] as const;
const REQUESTED_MODEL = ['alias', 'requested_model', 'requestedModel'] as const;
const RESOLVED_MODEL = ['resolved_model', 'resolvedModel', 'model', 'model_name', 'modelName'] as const;
const PROVIDER = ['provider', 'type', 'auth_type', 'authType'] as const;
const EXECUTOR_TYPE = ['executor_type', 'executorType'] as const;
const AUTH_TYPE = ['auth_type', 'authType'] as const;
const AUTH_INDEX = ['auth_index', 'authIndex', 'AuthIndex'] as const;
const ACCOUNT = ['account_snapshot', 'accountSnapshot'] as const;
const AUTH_LABEL = ['auth_label_snapshot', 'authLabelSnapshot'] as const;
const AUTH_FILE = ['auth_file_snapshot', 'authFileSnapshot'] as const;
const AUTH_PROVIDER = ['auth_provider_snapshot', 'authProviderSnapshot'] as const;
const AUTH_PROJECT = [
  'auth_project_id_snapshot',
  'authProjectIdSnapshot',
  'project_id',
  'projectId',
] as const;
const REASONING_EFFORT = ['reasoning_effort', 'reasoningEffort'] as const;
const LEGACY_TIER = ['service_tier', 'serviceTier'] as const;
const REQUEST_TIER = ['request_service_tier', 'requestServiceTier', ...LEGACY_TIER] as const;
const RESPONSE_TIER = ['response_service_tier', 'responseServiceTier'] as const;

const METHOD_PATH = /^(GET|POST|PUT|PATCH|DELETE|OPTIONS|HEAD)\s+(\S+)/;

/** Whether anything in the record names a model. */
export function hasModel(record: JsonObject): boolean {
  return [...REQUESTED_MODEL, ...RESOLVED_MODEL].some((key) => firstText(record, [key]) !== '');
}

export function readNames(record: JsonObject): RawNames {
  const requestedModel = firstText(record, REQUESTED_MODEL);
  const resolvedModel = firstText(record, RESOLVED_MODEL);
  const names = {
    requestId: firstText(record, REQUEST_ID),
    provider: firstText(record, PROVIDER),
    executorType: firstText(record, EXECUTOR_TYPE),
    model: requestedModel || resolvedModel || '-',
    requestedModel,
    resolvedModel,
    ...readEndpoint(record),
    authType: firstText(record, AUTH_TYPE),
    authIndex: firstText(record, AUTH_INDEX),
    accountSnapshot: firstText(record, ACCOUNT),
    authLabelSnapshot: firstText(record, AUTH_LABEL),
    authFileSnapshot: firstText(record, AUTH_FILE),
    authProviderSnapshot: firstText(record, AUTH_PROVIDER),
    authProjectIdSnapshot: firstText(record, AUTH_PROJECT),
    reasoningEffort: firstText(record, REASONING_EFFORT),
    requestServiceTier: firstText(record, REQUEST_TIER),
    responseServiceTier: firstText(record, RESPONSE_TIER),
  };
  return { ...names, serviceTier: effectiveTier(names, firstText(record, LEGACY_TIER)) };
}

function readEndpoint(record: JsonObject): { endpoint: string; method: string; path: string } {
  const endpoint = firstText(record, ENDPOINT);
  const method = firstText(record, METHOD).toUpperCase();
  const path = firstText(record, PATH);
  if (endpoint === '') return { endpoint: method && path ? `${method} ${path}` : '-', method, path };
  const match = METHOD_PATH.exec(endpoint);
  return { endpoint, method: method || (match?.[1] ?? ''), path: path || (match?.[2] ?? '') };
}

// Codex bills the tier that was asked for; everybody else the one that was given.
function effectiveTier(
  names: Pick<
    RawNames,
    | 'executorType'
    | 'provider'
    | 'authProviderSnapshot'
    | 'authType'
    | 'requestServiceTier'
    | 'responseServiceTier'
  >,
  legacy: string,
): string {
  const identity = `${names.executorType}${names.provider}${names.authProviderSnapshot}${names.authType}`;
  const { requestServiceTier: asked, responseServiceTier: given } = names;
  return identity.toLowerCase().includes('codex') ? asked || legacy || given : given || legacy || asked;
}
