/**
 * Bodies of our own HTTP answers, shared by the daemon that sends them and the panel that reads them. Times are epoch
 * milliseconds, token counts are integers, money is integer nano-USD unless a name says otherwise. Documented routes
 * that older clients know keep their own shapes; only what the panel reads of them is here.
 */
export type * from './api/dashboard.ts';
export type * from './api/events.ts';
export type * from './api/feed.ts';
export type * from './api/gateway.ts';
export type * from './api/report.ts';
export type * from './api/session.ts';
export type * from './api/takeover.ts';
