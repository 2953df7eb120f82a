import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { diagnose } from '../gateway/diagnoses.ts';
import { fail, ok, skipped, warn, type Finding } from './result.ts';

/** Programs that take records from the queue of a CLIProxyAPI. */
const KNOWN = /^(cpa-manager(-plus)?|cpa-usage-(keeper|exporter)|cpamp)(\.(exe|[cm]?[jt]s))?$/;

export interface OtherProgram {
  readonly pid: number;
  readonly name: string;
}

/**
 * Programs on this machine that could take records too, by the names of their processes; of cpamp only daemons. Empty
 * where the system has no `/proc`, and within a container only what runs in it.
 */
export function findConsumers(except: readonly number[], proc = '/proc'): readonly OtherProgram[] {
  let names: readonly string[];
  try {
    names = readdirSync(proc).filter((name) => /^\d+$/.test(name) && !except.includes(Number(name)));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const words = commandLine(join(proc, name, 'cmdline'));
    // `node` before the name of a script, at most.
    const known = words
      .slice(0, 2)
      .map((word) => basename(word))
      .find((word) => KNOWN.test(word));
    if (known === undefined || (known.startsWith('cpamp') && !words.includes('serve'))) return [];
    return [{ pid: Number(name), name: known.replace(/\.\w+$/, '') }];
  });
}

function commandLine(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\0');
  } catch {
    // It has ended, or is none of ours to look at.
    return [];
  }
}

export interface ConsumerFacts {
  /** Null: no daemon could be asked. */
  readonly daemon: { readonly suspects: boolean; readonly collects: boolean } | null;
  readonly others: readonly OtherProgram[];
}

/**
 * Whether somebody else takes records. Nothing that shows the queue itself is harmless: every look at it takes records
 * out. So this is what the daemon sees in the counters of CLIProxyAPI, and who else runs here.
 */
export function checkConsumers({ daemon, others }: ConsumerFacts): Finding {
  if (daemon?.suspects === true) {
    const { message, fix } = diagnose('second_consumer', 0);
    return fail(message, fix);
  }
  if (others.length > 0) {
    const list = others.map(({ pid, name }) => `${name} (process ${pid})`).join(', ');
    return warn(
      `On this machine there also runs ${list}: if it reads the queue of the same CLIProxyAPI, each gets a part of the records.`,
      'Stop it, or connect it to another CLIProxyAPI.',
    );
  }
  if (daemon?.collects === true) {
    return ok('The daemon sees none; it compares what CLIProxyAPI counts with what arrives.');
  }
  return skipped(
    'Only a daemon that collects can tell, by the counters of CLIProxyAPI; no other manager is to be seen on this machine.',
    'Start the daemon, make a few requests, and look again after two minutes.',
  );
}
