import { countIn, type Reading } from './reading.js';

const PAIRS = [
  ...[
    ['yes', 'no'],
    ['y', 'n'],
    ['t', 'f'],
    ['on', 'off'],
    ['ja', 'nein'],
    ['j', 'n'],
    ['wahr', 'falsch'],
  ],
  ...[
    ['oui', 'non'],
    ['si', 'no'],
    ['enabled', 'disabled'],
  ],
] as const;

const BOOL: Reading = {
  are: 'true or false',
  pattern: 'true|false',
  ignoresCase: true,
  figures: {},
  isFinal: true,
  propose: () => ({ type: 'Bool', kind: 'bool', clean: [], notes: [] }),
};

const UUID: Reading = {
  are: 'UUIDs',
  pattern: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  ignoresCase: true,
  figures: {},
  isFinal: true,
  propose: () => ({ type: 'UUID', kind: 'uuid', clean: [], notes: [] }),
};

const BYTE = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const IPV4: Reading = {
  are: 'addresses of IPv4',
  pattern: `${BYTE}(?:\\.${BYTE}){3}`,
  figures: {},
  isFinal: true,
  propose: () => ({ type: 'IPv4', kind: 'ip', clean: [], notes: [] }),
};

/** Texts of a closed form. */
export const WORDS: readonly Reading[] = [BOOL, ...PAIRS.map(([yes, no]) => yesOrNo(yes, no)), UUID, IPV4];

/** One of two words, in any letters; a Bool itself reads yes and no. Both have to be there, as one alone may be a code. */
function yesOrNo(yes: string, no: string): Reading {
  return {
    are: `${yes} or ${no}`,
    pattern: `${yes}|${no}`,
    ignoresCase: true,
    figures: { values: 'count(DISTINCT lower(v))' },
    propose: (figures) =>
      countIn(figures, 'values') < 2
        ? undefined
        : {
            ...{ type: 'Bool', kind: 'bool', notes: [] },
            clean: yes === 'yes' ? [] : ['lower', { map: { [yes]: 'true', [no]: 'false' }, else: 'quarantine' }],
          },
  };
}
