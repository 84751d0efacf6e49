import { BlockList, isIP } from 'node:net';

/** IPv4 that is of this machine, of a private network, of a machine's cloud, or of nobody. IANA's special registry. */
const NOT_PUBLIC_V4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // Carrier-grade NAT; Alibaba's metadata.
  ['127.0.0.0', 8],
  ['168.63.129.16', 32], // Azure's agent: a public address that every machine there reaches inside.
  ['169.254.0.0', 16], // Link-local; metadata of most clouds.
  ['172.16.0.0', 12],
  ['192.0.0.0', 24], // Protocol assignments; Oracle's metadata.
  ['192.0.2.0', 24], // Documentation, as 198.51.100.0 and 203.0.113.0.
  ['192.88.99.0', 24], // 6to4 relays, deprecated.
  ['192.168.0.0', 16],
  ['198.18.0.0', 15], // Benchmarks.
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4], // Multicast.
  ['240.0.0.0', 4], // Reserved, and broadcast.
];
/** IPv6 that is public at all: global unicast, IPv4 in IPv6, and IPv4 behind NAT64. */
const GLOBAL_V6: readonly [string, number][] = [
  ['2000::', 3],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
];
/** Within it: what holds other addresses, or is of nobody. */
const NOT_PUBLIC_V6: readonly [string, number][] = [
  ['2001::', 23], // Protocol assignments; Teredo.
  ['2001:db8::', 32], // Documentation, as 3fff::.
  ['2002::', 16], // 6to4 holds any IPv4.
  ['3fff::', 20],
];

const globalV6 = listOf(GLOBAL_V6, 'ipv6');
const notPublicV6 = listOf(NOT_PUBLIC_V6, 'ipv6');
const notPublicV4 = listOf(NOT_PUBLIC_V4, 'ipv4');
for (const [net, prefix] of NOT_PUBLIC_V4)
  for (const form of ['::ffff:', '64:ff9b::']) notPublicV6.addSubnet(`${form}${net}`, 96 + prefix, 'ipv6');

/** True for an address that anyone on the internet may have. An IPv4 in IPv6, or behind NAT64, counts as that IPv4. */
export function isPublicAddress(address: string): boolean {
  const bare = withoutZone(address);
  if (isIP(bare) === 4) return !notPublicV4.check(bare, 'ipv4');
  return isIP(bare) === 6 && globalV6.check(bare, 'ipv6') && !notPublicV6.check(bare, 'ipv6');
}

/** Networks, as `10.1.0.0/16` or `fd00::/8`, and single addresses. */
export class Networks {
  readonly #list = new BlockList();

  /** False for what is none. */
  add(text: string): boolean {
    const [address = '', prefix, ...more] = text.split('/');
    const version = isIP(address);
    const most = version === 4 ? 32 : 128;
    const bits = prefix === undefined ? most : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
    if (version === 0 || more.length > 0 || bits > most) return false;
    this.#list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
    return true;
  }

  hold(address: string): boolean {
    const bare = withoutZone(address);
    return isIP(bare) !== 0 && this.#list.check(bare, isIP(bare) === 4 ? 'ipv4' : 'ipv6');
  }
}

/** `fe80::1%eth0` without the interface. */
function withoutZone(address: string): string {
  return address.split('%', 1)[0] ?? '';
}

function listOf(nets: readonly [string, number][], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of nets) list.addSubnet(net, prefix, family);
  return list;
}
