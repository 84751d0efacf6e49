import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { watchFile } from '../../../src/routing/watch.js';
import { YamlFileError } from '../../../src/yaml/index.js';

const EVERY_MS = 1_000;
const AWAY = new YamlFileError('it is not there');

afterEach(() => {
  vi.useRealTimers();
});

/** Looks at a file that reads like this, look by look; gives what was told after each. */
async function told(looks: readonly (string | Error)[], closeAfter = Infinity): Promise<string[][]> {
  vi.useFakeTimers();
  let now: string | Error = 'first';
  let changes: string[] = [];
  const watch = watchFile({
    read: () => (now instanceof Error ? Promise.reject(now) : Promise.resolve(now)),
    text: 'first',
    everyMs: EVERY_MS,
    onChange: (change) => {
      changes.push(change.kind === 'text' ? change.text : change.kind);
      return change.kind !== 'unreadable' && !(change.kind === 'text' && change.text === 'wrong');
    },
    onDefect: (error) => changes.push(`defect: ${String(error)}`),
  });
  onTestFinished(watch.close);
  const byLook: string[][] = [];
  for (const look of looks) {
    now = look;
    changes = [];
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    byLook.push(changes);
    if (byLook.length === closeAfter) watch.close();
  }
  return byLook;
}

test.each<[string, (string | Error)[], string[][]]>([
  ['what stays the same', ['first', 'first'], [[], []]],
  ['a change, at the second look that sees it, once', ['new', 'new', 'new'], [[], ['new'], []]],
  ['no half of a text that grows under it', ['n', 'ne', 'new', 'new'], [[], [], [], ['new']]],
  ['no text that was there for one look', ['new', 'first', 'first'], [[], [], []]],
  [
    'what was refused, once, and its return to what is used',
    ['wrong', 'wrong', 'wrong', 'first', 'first'],
    [[], ['wrong'], [], [], ['restored']],
  ],
  [
    'a file that is away, once, and what comes after',
    [AWAY, AWAY, AWAY, 'new', 'new'],
    [[], ['unreadable'], [], [], ['new']],
  ],
  ['no file that is away for one look, as while it is replaced', [AWAY, 'new', 'new'], [[], [], ['new']]],
  ['a defect, and looks again', [new Error('disk'), 'new', 'new'], [['defect: Error: disk'], [], ['new']]],
])('tells of %s', async (_, looks, expected) => {
  expect(await told(looks)).toEqual(expected);
});

test('looks no more once it is closed', async () => {
  expect(await told(['new', 'new', 'new'], 1)).toEqual([[], [], []]);
});
