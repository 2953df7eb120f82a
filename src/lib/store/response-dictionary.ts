/**
 * Dictionaries for the deflated response metadata, by the number that each stored value carries. A dictionary that
 * was released is never changed: values deflated with it could not be read any more. A better one gets the next
 * number. Deflate looks back from the end, so what is most frequent stands last.
 */

/** Names and values as the normaliser writes them, from answers of the providers that CLIProxyAPI talks to. */
const FIRST = [
  '"provider_usage":{"provider":"xai","kind":"included_free_usage","state":"exhausted","code":"subscription:free-usage-exhausted","unit":"tokens","window_kind":"rolling_24h","source":"response_body","observed_at_ms":,"model":"","actual":,"limit":,"remaining":,"overage":,"recover_at_ms":,"recover_at_estimated":true}',
  '"data_policy":{"retention_mode":"none","zero_retention":true}',
  '"oneapi_request_id":"","eagle_id":"","cloud_ai_companion_trace_id":"","client_request_id":"","zeabur_request_id":"","traceparent":"00-',
  '"antigravity_trace_id":"","antigravity_server_timing":"","mife_upstream_status":"","oneapi_request_id":"',
  '"errors":{"kind":"auth","code":"token_revoked","authorization_error":"token_invalidated","ide_error_code":"account_deactivated","ide_root_error_code":"identity_edge_internal_error","rate_limit_bypass":"","should_retry":"false",',
  '"errors":{"kind":"rate_limit","code":"retry_after","should_retry":"true","retry_after_seconds":30,"retry_after_recover_at_ms":\u0002',
  '"routing":{"openai_proxy_wasm":"v0.1","models_etag":"W/\\"","new_api_version":"v0.","server":"nginx","via":"1.1 google","site_cache_status":"","served_by":"","mife_upstream_status":"',
  '"content_type":"application/json; charset=UTF-8","content_length":,"content_disposition":"","server_timing":"gfet4t7; dur=',
  '"rate_limit":{"requests":{"limit":10000,"remaining":9999},"tokens":{"limit":30000000,"remaining":29999',
  '"quota":{"plan_type":"team","active_limit":"premium","rate_limit_reached_type":"primary","summary_window_kind":"weekly","summary_window_source":"secondary","reached_window_kind":"monthly","reached_window_source":"primary","credits_balance":"","credits_has_credits":false,"credits_unlimited":false,"primary_over_secondary_limit_percent":0,',
  '"quota":{"plan_type":"pro","active_limit":"codex","summary_window_kind":"five_hour","summary_window_source":"primary","credits_has_credits":false,"credits_unlimited":false,"primary_over_secondary_limit_percent":0,"primary":{"used_percent":1,"reset_at_ms":\u0002,"reset_after_seconds":1,"window_minutes":300},"secondary":{"used_percent":2,"reset_at_ms":\u0002,"reset_after_seconds":2,"window_minutes":10080},"recover_at_ms":\u0002,"used_percent":',
  '{"quota":{"plan_type":"plus","active_limit":"premium","summary_window_kind":"',
  '},"trace":{"primary_trace_id":"\u0001","openai_request_id":"\u0001","request_id":"req_","cf_ray":"',
  '-LHR"},-AMS"},-CDG"},-SIN"},-HKG"},-NRT"},-IAD"},-LAX"},-SJC"},-FRA"},',
  '{"trace":{"primary_trace_id":"\u0001","cf_ray":"\u0001"},"routing":{"server":"cloudflare","cf_cache_status":"DYNAMIC"},"response":{"content_type":"text/event-stream; charset=utf-8"},"providers":{"cloudflare_ray":"\u0001","cloudflare_cache_status":"DYNAMIC"}}',
  '{"trace":{"primary_trace_id":"\u0001","request_id":"\u0001"},"response":{"content_type":"application/json"}}',
].join('');

export const DICTIONARIES: ReadonlyMap<number, Buffer> = new Map([[1, Buffer.from(FIRST, 'utf8')]]);

/** The number new values are written with. */
export const CURRENT_DICTIONARY = 1;
