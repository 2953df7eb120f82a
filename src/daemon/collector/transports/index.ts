import type { TransportName } from '../../../lib/contract/record.ts';
import type { Transport } from '../../../lib/contract/transport.ts';
import { HttpTransport } from './http.ts';
import { RespTransport } from './resp.ts';
import type { TransportOptions } from './settings.ts';
import { SubscribeTransport } from './subscribe.ts';

export type { TransportOptions } from './settings.ts';

const TRANSPORTS = { subscribe: SubscribeTransport, http: HttpTransport, resp: RespTransport } as const;

/** Makes the transport of that name. It does nothing until it is run, and may be run again. */
export function createTransport(name: TransportName, options: TransportOptions): Transport {
  return new TRANSPORTS[name](options);
}
