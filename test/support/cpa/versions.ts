/** The releases of CLIProxyAPI that were recorded and that the stand-in can be. */
export type CpaVersion = '6.10.8' | '7.1.39' | '7.2.140';

export const CPA_VERSIONS: readonly CpaVersion[] = ['6.10.8', '7.1.39', '7.2.140'];

/** In what the recorded releases differ, as far as a collector can see it. */
export interface Behaviour {
  /** SUBSCRIBE exists (v7.0.7 and later). */
  readonly subscribe: boolean;
  /** Acknowledgement and messages repeat the channel as it was asked for; before, they always say `usage`. */
  readonly echoesChannel: boolean;
  /** Channel `errors` exists and LPOP, RPOP insist on the key `usage` (v7.1.44 and later). */
  readonly checksChannel: boolean;
  /** One connection that has not sent a byte keeps all later ones waiting (before v7.0.3). */
  readonly acceptsOneByOne: boolean;
  /** Closes a connection that stays silent, after this many ms; null: never. */
  readonly sniffDeadlineMs: number | null;
  /** `{"refresh":true}` is sent to subscribers (v7.1.39 and later). */
  readonly refreshNotices: boolean;
  /** Sends `X-CPA-SUPPORT-PLUGIN` and names its headers to browsers. */
  readonly pluginHeader: boolean;
}

export const BEHAVIOUR: Readonly<Record<CpaVersion, Behaviour>> = {
  '6.10.8': {
    subscribe: false,
    echoesChannel: false,
    checksChannel: false,
    acceptsOneByOne: true,
    sniffDeadlineMs: null,
    refreshNotices: false,
    pluginHeader: false,
  },
  '7.1.39': {
    subscribe: true,
    echoesChannel: false,
    checksChannel: false,
    acceptsOneByOne: false,
    sniffDeadlineMs: 10_000,
    refreshNotices: true,
    pluginHeader: false,
  },
  '7.2.140': {
    subscribe: true,
    echoesChannel: true,
    checksChannel: true,
    acceptsOneByOne: false,
    sniffDeadlineMs: 10_000,
    refreshNotices: true,
    pluginHeader: true,
  },
};
