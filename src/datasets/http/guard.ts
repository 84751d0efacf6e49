import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isPublicAddress, Networks } from './addresses.js';
import { HttpSourceError } from './errors.js';

/** Addresses of a host name. Rejects where there is none. */
export type Resolver = (hostname: string) => Promise<readonly LookupAddress[]>;

/** Keeps requests from what is private: a manifest is not written by whoever may ask that. */
export interface Guard {
  /**
   * Addresses of the URL's host, all of which may be connected to, and no others may. Throws HttpSourceError `refused`;
   * rejects as the resolver does.
   */
  addressesOf(url: URL): Promise<readonly LookupAddress[]>;
}

/** Names under which clouds tell a machine its secrets, whatever they resolve to. */
const METADATA_NAMES: readonly string[] = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
  'metadata.platformequinix.com',
  'instance-data',
  'instance-data.ec2.internal',
];

/**
 * A host with several addresses is refused when any of them is private: whoever wrote the name meant to be reached by
 * all, and one among public ones is how names are used to get in. `allowPrivate` has names of hosts, `host:port`,
 * addresses and networks that may be private. Throws HttpSourceError for an entry that is none of these.
 */
export function createGuard(allowPrivate: readonly string[], resolve: Resolver = resolveAll): Guard {
  const networks = new Networks();
  const hosts = new Set<string>();
  for (const entry of allowPrivate) {
    if (networks.add(entry)) continue;
    if (!/^(?:\[[\da-f:.]+\]|[a-z\d._-]+)(?::\d{1,5})?$/i.test(entry))
      throw new HttpSourceError(
        'refused',
        `may be private: '${entry.slice(0, 100)}' is no host, host:port, address or network`,
      );
    hosts.add(entry.toLowerCase());
  }
  return {
    addressesOf: async (url) => {
      const name = url.hostname.replace(/\.$/, '');
      const hostname = name.replace(/^\[(.*)\]$/, '$1');
      const isAllowed = hosts.has(name) || hosts.has(`${name}:${portOf(url)}`);
      if (!isAllowed && METADATA_NAMES.includes(hostname))
        throw new HttpSourceError('refused', `${hostname} tells machines of a cloud their secrets`);
      // Node asks no resolver for an address, so that it is checked here. URL has made 127.0.0.1 of 2130706433 and 0x7f.1.
      const version = isIP(hostname);
      const addresses = version === 0 ? await resolve(hostname) : [{ address: hostname, family: version }];
      const refused = addresses.find(
        ({ address }) => !isAllowed && !isPublicAddress(address) && !networks.hold(address),
      );
      if (refused !== undefined)
        throw new HttpSourceError(
          'refused',
          `${hostname}${version === 0 ? ` is ${refused.address}, which` : ''} is no public address, and is not among those that may be private`,
        );
      return addresses;
    },
  };
}

function portOf({ port, protocol }: URL): string {
  if (port !== '') return port;
  return protocol === 'https:' ? '443' : '80';
}

/** As the system resolves: its hosts file too, in its order. */
async function resolveAll(hostname: string): Promise<LookupAddress[]> {
  return lookup(hostname, { all: true, verbatim: true });
}
